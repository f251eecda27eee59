import { Button, Group, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChangePassword } from "@/api/accounts";
import { asApiError } from "@/api/errors";
import type { Me } from "@/api/types";
import { PasswordField } from "@/components/PasswordField";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone } from "@/lib/notify";

const PASSWORD_LENGTH = 10;

/** Set the password, or change it. */
export function PasswordSection({ me }: { me: Me }) {
  const change = useChangePassword();
  const form = useForm({
    initialValues: { current: "", fresh: "", again: "" },
    validate: {
      current: (value) => (me.has_password && !value ? "Type the password you have now." : null),
      fresh: (value) =>
        value.length < PASSWORD_LENGTH ? `Use at least ${PASSWORD_LENGTH} characters.` : null,
      again: (value, { fresh }) => (value === fresh ? null : "The two passwords differ."),
    },
  });
  const save = form.onSubmit(({ current, fresh }) =>
    change.mutate(
      { new: fresh, ...(me.has_password ? { current } : {}) },
      {
        onSuccess: () => {
          form.reset();
          notifyDone(
            me.has_password
              ? "Your password was saved. Other devices are signed out."
              : "Your password was saved.",
          );
        },
      },
    ),
  );
  const problem = change.error ? asApiError(change.error) : undefined;
  const isWrong = problem?.fields.current !== undefined;
  const note = me.has_password
    ? "Changing it signs you out on all other devices."
    : "You signed in with a link that works once. Set a password to sign in next time.";
  return (
    <Section id="password" title="Password" note={note}>
      <form onSubmit={save}>
        <Stack>
          {/* Password managers pair the password with this name. */}
          <input type="text" autoComplete="username" value={me.name} readOnly hidden />
          {me.has_password && (
            <PasswordField
              label="Current password"
              autoComplete="current-password"
              {...form.getInputProps("current")}
              error={form.errors.current ?? (isWrong ? "This is not the password you have now." : undefined)}
            />
          )}
          <PasswordField
            label="New password"
            description={`At least ${PASSWORD_LENGTH} characters. A few unusual words are easier to keep in mind than symbols.`}
            autoComplete="new-password"
            {...form.getInputProps("fresh")}
            error={form.errors.fresh ?? problem?.fields.new}
          />
          <PasswordField
            label="New password again"
            autoComplete="new-password"
            {...form.getInputProps("again")}
          />
          {problem && !isWrong && <ProblemAlert error={problem} />}
          <Group>
            <Button type="submit" loading={change.isPending}>
              {me.has_password ? "Change password" : "Set password"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
