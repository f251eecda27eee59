import { Button, Group, Modal, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconPlugConnected, IconSchool } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { ltiPlatformsQuery, useRegisterLtiPlatform, useRemoveLtiPlatform, type LtiPlatform } from "@/api/lti";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { CopyLink } from "@/components/CopyLink";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone } from "@/lib/notify";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "../AdminSection";

/** Which learning platforms may launch courses here (LTI 1.3), for administrators. */
export function LearningPlatformsPage() {
  usePageTitle("Learning platforms");
  return <AdminSection>{() => <LearningPlatforms />}</AdminSection>;
}

function LearningPlatforms() {
  const query = useQuery(ltiPlatformsQuery);
  const [registering, dialog] = useDisclosure(false);
  return (
    <>
      <Group justify="space-between">
        <div>
          <Title order={1}>Learning platforms</Title>
          <Text c="dimmed" size="sm">
            Moodle, Canvas and others that keep to LTI 1.3 sign people in, tell who is in a course, and take
            scores.
          </Text>
        </div>
        <Button leftSection={<IconPlugConnected size={18} />} onClick={dialog.open}>
          Register a platform
        </Button>
      </Group>
      {query.data && (
        <Section
          title="What the platform has to be told"
          note="Add an external tool of LTI 1.3 over there with these addresses. Switch on names and roles, and grades."
        >
          <Stack gap="sm" maw={640}>
            <CopyLink label="Initiate login URL" url={query.data.login_url} />
            <CopyLink
              label="Redirect URI, also the URL of the tool and of deep linking"
              url={query.data.launch_url}
            />
            <CopyLink label="Public keyset URL" url={query.data.keys_url} />
          </Stack>
        </Section>
      )}
      <PagedList
        query={query}
        label="Learning platforms"
        empty={
          <EmptyState title="No platform is registered" icon={<IconSchool size={44} stroke={1.2} />}>
            Add this platform as a tool over there first; the page that follows shows what to enter here.
          </EmptyState>
        }
      >
        {(platform) => <Row key={platform.id} platform={platform} />}
      </PagedList>
      <Modal opened={registering} onClose={dialog.close} title="Register a learning platform" size="lg">
        <RegisterForm onClose={dialog.close} />
      </Modal>
    </>
  );
}

function Row({ platform }: { platform: LtiPlatform }) {
  const remove = useRemoveLtiPlatform();
  const [asking, ask] = useDisclosure(false);
  return (
    <li>
      <Group px="lg" py="sm" justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0, overflowWrap: "anywhere" }}>
          <Text fw={600}>{platform.title}</Text>
          <Text size="sm" c="dimmed">
            {platform.issuer} · client {platform.client_id} ·{" "}
            {platform.deployments.length === 1 ? "deployment" : "deployments"}{" "}
            {platform.deployments.join(", ")}
          </Text>
        </div>
        <Button
          variant="subtle"
          size="xs"
          color="red"
          onClick={ask.open}
          aria-label={`Remove ${platform.title}`}
        >
          Remove
        </Button>
      </Group>
      <ConfirmDialog
        opened={asking}
        title={`Remove ${platform.title}?`}
        action="Remove"
        onConfirm={() => remove.mutateAsync(platform.id)}
        onClose={ask.close}
      >
        <Text size="sm">
          Its courses cannot be launched any more, and their links are forgotten. Accounts, enrolments and
          scores stay.
        </Text>
      </ConfirmDialog>
    </li>
  );
}

const FIELDS = [
  ["issuer", "Issuer", "https://moodle.example.edu", "Also called platform ID."],
  ["client_id", "Client ID", "Xy12AbC", "The platform made it when the tool was added."],
  ["login_url", "Authentication request URL", "https://moodle.example.edu/mod/lti/auth.php", ""],
  ["token_url", "Access token URL", "https://moodle.example.edu/mod/lti/token.php", ""],
  [
    "keys_url",
    "Public keyset URL",
    "https://moodle.example.edu/mod/lti/certs.php",
    "Of the platform, with its keys.",
  ],
] as const;

function RegisterForm({ onClose }: { onClose: () => void }) {
  const register = useRegisterLtiPlatform();
  const isAddress = (value: string) =>
    /^https?:\/\/\S+$/.test(value.trim()) ? null : "An address that begins with https://";
  const isThere = (value: string) => (value.trim() ? null : "It is needed.");
  const form = useForm({
    initialValues: {
      title: "",
      issuer: "",
      client_id: "",
      deployments: "",
      login_url: "",
      token_url: "",
      keys_url: "",
    },
    validate: {
      title: isThere,
      issuer: isThere,
      client_id: isThere,
      deployments: isThere,
      login_url: isAddress,
      token_url: isAddress,
      keys_url: isAddress,
    },
  });
  const submit = form.onSubmit(({ deployments, ...values }) => {
    const body = {
      ...(Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, value.trim()]),
      ) as typeof values),
      deployments: deployments.split(/[\s,]+/).filter(Boolean),
    };
    register.mutate(body, {
      onSuccess: () => {
        notifyDone(`${body.title} is registered.`);
        onClose();
      },
    });
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <TextInput
          label="Name"
          placeholder="Moodle of the university"
          data-autofocus
          {...form.getInputProps("title")}
        />
        {FIELDS.map(([name, label, placeholder, description]) => (
          <TextInput
            key={name}
            label={label}
            placeholder={placeholder}
            {...(description ? { description } : {})}
            {...form.getInputProps(name)}
          />
        ))}
        <Textarea
          label="Deployment IDs"
          placeholder="1"
          description="One or several, with spaces or commas between them."
          autosize
          {...form.getInputProps("deployments")}
        />
        {register.error && <ProblemAlert error={register.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={register.isPending}>
            Register
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
