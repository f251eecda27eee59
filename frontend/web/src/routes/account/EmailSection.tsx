import { Badge, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { asApiError } from "@/api/errors";
import { useChangeEmail } from "@/api/accounts";
import type { Me } from "@/api/types";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone } from "@/lib/notify";

/** The mail address that a forgotten password is reset by. */
export function EmailSection({ me }: { me: Me }) {
  const change = useChangeEmail();
  const [sentTo, setSentTo] = useState("");
  const form = useForm({
    initialValues: { email: me.email ?? "" },
    validate: { email: (email) => (/^\S+@\S+\.\S+$/.test(email.trim()) ? null : "Give a mail address.") },
  });
  const save = form.onSubmit(({ email }) => {
    const wanted = email.trim().toLowerCase();
    change.mutate(wanted, {
      onSuccess: (saved) => {
        if (saved.email === wanted) notifyDone("Your address was saved.");
        else setSentTo(wanted);
      },
    });
  });
  const problem = change.error ? asApiError(change.error) : undefined;
  return (
    <Section
      title="Mail address"
      note="For a new password when you forget yours. Other people do not see it."
    >
      <form onSubmit={save}>
        <Stack>
          <TextInput
            type="email"
            label={
              <Group gap="xs" component="span" display="inline-flex">
                Address
                {me.email && (
                  <Badge color={me.email_verified ? "green" : "yellow"}>
                    {me.email_verified ? "Confirmed" : "Not confirmed"}
                  </Badge>
                )}
              </Group>
            }
            autoComplete="email"
            maxLength={254}
            {...form.getInputProps("email")}
            error={form.errors.email ?? problem?.fields.email}
          />
          {sentTo && (
            <Text size="sm" role="status">
              A mail is on its way to {sentTo}. The address counts once you open the link in it.
            </Text>
          )}
          {problem && !problem.fields.email && <ProblemAlert error={problem} />}
          <Group>
            <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
              Save address
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
