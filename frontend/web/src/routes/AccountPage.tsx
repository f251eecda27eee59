import {
  Button,
  Group,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
  useMantineColorScheme,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { asApiError } from "@/api/errors";
import { useUpdateMe } from "@/api/mutations";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { PasswordField } from "@/components/PasswordField";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";

const PASSWORD_LENGTH = 10;

/** What people set about themselves. */
export function AccountPage() {
  usePageTitle("Account");
  const { data: me } = useQuery(meQuery);
  return (
    <Stack gap="lg" maw="40rem">
      <Title order={1}>Account</Title>
      {me ? (
        <>
          <ProfileSection me={me} />
          <PasswordSection key={String(me.has_password)} me={me} />
        </>
      ) : (
        <Skeleton height={220} />
      )}
      <AppearanceSection />
    </Stack>
  );
}

function ProfileSection({ me }: { me: Me }) {
  const update = useUpdateMe();
  const form = useForm({
    initialValues: { display_name: me.display_name },
    validate: { display_name: (name) => (name.trim() ? null : "Give the name that others shall see.") },
  });
  const save = form.onSubmit(({ display_name }) =>
    update.mutate(
      { display_name: display_name.trim() },
      {
        onSuccess: (saved) => {
          form.setInitialValues({ display_name: saved.display_name });
          form.reset();
          notifyDone("Your name was saved.");
        },
      },
    ),
  );
  return (
    <Section title="Profile">
      <form onSubmit={save}>
        <Stack>
          <div>
            <Text size="sm" fw={500}>
              User name
            </Text>
            <Text>{me.name}</Text>
            <Text size="xs" c="dimmed">
              You sign in with it. It cannot be changed.
            </Text>
          </div>
          <TextInput
            label="Display name"
            description="Other people see it beside your work."
            autoComplete="name"
            maxLength={120}
            {...form.getInputProps("display_name")}
          />
          {update.isError && <ProblemAlert error={update.error} />}
          <Group>
            <Button type="submit" loading={update.isPending} disabled={!form.isDirty()}>
              Save name
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function PasswordSection({ me }: { me: Me }) {
  const update = useUpdateMe();
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
    update.mutate(
      { password: { new: fresh, ...(me.has_password ? { current } : {}) } },
      {
        onSuccess: () => {
          form.reset();
          notifyDone("Your password was saved.");
        },
      },
    ),
  );
  const problem = update.error ? asApiError(update.error) : undefined;
  const wrongPassword = problem?.status === 401 ? "This is not the password you have now." : undefined;
  return (
    <Section
      id="password"
      title="Password"
      note={
        me.has_password
          ? ""
          : "You signed in with a link that works once. Set a password to sign in next time."
      }
    >
      <form onSubmit={save}>
        <Stack>
          {/* Password managers pair the password with this name. */}
          <input type="text" autoComplete="username" value={me.name} readOnly hidden />
          {me.has_password && (
            <PasswordField
              label="Current password"
              autoComplete="current-password"
              {...form.getInputProps("current")}
              error={form.errors.current ?? wrongPassword ?? problem?.fields["password.current"]}
            />
          )}
          <PasswordField
            label="New password"
            description={`At least ${PASSWORD_LENGTH} characters. A few unusual words are easier to keep in mind than symbols.`}
            autoComplete="new-password"
            {...form.getInputProps("fresh")}
            error={form.errors.fresh ?? problem?.fields["password.new"]}
          />
          <PasswordField
            label="New password again"
            autoComplete="new-password"
            {...form.getInputProps("again")}
          />
          {problem && !wrongPassword && <ProblemAlert error={problem} />}
          <Group>
            <Button type="submit" loading={update.isPending}>
              {me.has_password ? "Change password" : "Set password"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function AppearanceSection() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title="Appearance" note="Kept in this browser.">
      <Group justify="space-between">
        <Text size="sm" id="colour-scheme-label">
          Colours
        </Text>
        <SegmentedControl
          aria-labelledby="colour-scheme-label"
          value={colorScheme}
          onChange={(value) => setColorScheme(value)}
          data={[
            { value: "auto", label: "Like the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
        />
      </Group>
    </Section>
  );
}
