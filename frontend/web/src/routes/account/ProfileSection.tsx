import { Button, FileButton, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconUpload } from "@tabler/icons-react";
import { useMemo } from "react";
import { useRemoveAvatar, useUploadAvatar } from "@/api/accounts";
import { useUpdateMe } from "@/api/mutations";
import type { Me } from "@/api/types";
import { PersonAvatar } from "@/components/Person";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone, notifyProblem } from "@/lib/notify";

const UPLOAD_LIMIT_BYTES = 1_000_000;

/** Name, picture and time zone. */
export function ProfileSection({ me }: { me: Me }) {
  const update = useUpdateMe();
  const zones = useMemo(() => Intl.supportedValuesOf("timeZone"), []);
  const form = useForm({
    initialValues: { display_name: me.display_name, time_zone: me.time_zone ?? "" },
    validate: { display_name: (name) => (name.trim() ? null : "Give the name that others shall see.") },
  });
  const save = form.onSubmit(({ display_name, time_zone }) =>
    update.mutate(
      { display_name: display_name.trim(), time_zone },
      {
        onSuccess: (saved) => {
          form.setInitialValues({ display_name: saved.display_name, time_zone: saved.time_zone ?? "" });
          form.reset();
          notifyDone("Your profile was saved.");
        },
      },
    ),
  );
  return (
    <Section title="Profile">
      <form onSubmit={save}>
        <Stack>
          <Picture me={me} />
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
          <Select
            label="Time zone"
            description="Deadlines and other times are shown in it."
            placeholder={`That of this browser (${Intl.DateTimeFormat().resolvedOptions().timeZone})`}
            data={zones}
            searchable
            clearable
            clearButtonProps={{ "aria-label": "Use the browser’s time zone" }}
            limit={60}
            {...form.getInputProps("time_zone")}
            value={form.values.time_zone || null}
            onChange={(zone: string | null) => form.setFieldValue("time_zone", zone ?? "")}
          />
          {update.isError && <ProblemAlert error={update.error} />}
          <Group>
            <Button type="submit" loading={update.isPending} disabled={!form.isDirty()}>
              Save profile
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function Picture({ me }: { me: Me }) {
  const upload = useUploadAvatar();
  const remove = useRemoveAvatar();
  const take = (file: File | null) => {
    if (!file) return;
    if (file.size > UPLOAD_LIMIT_BYTES) {
      notifyProblem(new Error("The picture is larger than 1 MB. Make it smaller first."));
      return;
    }
    upload.mutate(file, { onSuccess: () => notifyDone("Your picture was saved."), onError: notifyProblem });
  };
  return (
    <Group>
      <PersonAvatar person={me} size="xl" />
      <div>
        <Group gap="xs">
          <FileButton onChange={take} accept="image/png,image/jpeg">
            {(props) => (
              <Button
                {...props}
                variant="default"
                size="xs"
                leftSection={<IconUpload size={16} />}
                loading={upload.isPending}
              >
                Upload a picture
              </Button>
            )}
          </FileButton>
          {me.avatar_url && (
            <Button
              variant="subtle"
              size="xs"
              color="red"
              loading={remove.isPending}
              onClick={() => remove.mutate(undefined, { onError: notifyProblem })}
            >
              Remove
            </Button>
          )}
        </Group>
        <Text size="xs" c="dimmed" mt={4}>
          PNG or JPEG, up to 1 MB. Without one, people see your initials.
        </Text>
      </div>
    </Group>
  );
}
