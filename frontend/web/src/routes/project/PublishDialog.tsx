import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { usePublish } from "@/api/projectLife";
import { CopyLink } from "@/components/CopyLink";
import { ProblemAlert } from "@/components/ProblemAlert";

interface Props {
  projectId: string;
  /** A file or a folder; empty for all files. */
  path: string;
  name: string;
  opened: boolean;
  onClose: () => void;
}

/** Show a file or a folder to people outside of the project, by a link. */
export function PublishDialog({ opened, onClose, name, ...rest }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Publish “${name}”`}>
      <PublishForm onClose={onClose} name={name} {...rest} />
    </Modal>
  );
}

function PublishForm({ projectId, path, name, onClose }: Omit<Props, "opened">) {
  const publish = usePublish(projectId);
  const [title, setTitle] = useState(name.replace(/\.ipynb$/, ""));
  const [isListed, setListed] = useState(false);
  if (publish.data)
    return (
      <Stack>
        <Text size="sm">It can be read now by everybody who has this address, without an account.</Text>
        <CopyLink label="Address" url={publish.data.url} />
        <Group justify="flex-end">
          <Button component="a" href={publish.data.url} target="_blank" rel="noreferrer" variant="default">
            Look at it
          </Button>
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        publish.mutate({ path, title: title.trim(), is_listed: isListed });
      }}
    >
      <Stack>
        <Text size="sm">
          The files are shown as they are now, results included. Changes come out only when you publish them
          again, and you can stop at any time.
        </Text>
        <TextInput
          label="Title"
          value={title}
          maxLength={200}
          data-autofocus
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Checkbox
          label="Let people of this platform find it"
          description="Otherwise only those who have the address see it."
          checked={isListed}
          onChange={(event) => setListed(event.currentTarget.checked)}
        />
        {publish.error && <ProblemAlert error={publish.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={publish.isPending}>
            Publish
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
