import { Button, CopyButton, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { SignInLink } from "@/api/types";
import { fullTime } from "@/lib/time";

interface Props {
  link: SignInLink | undefined;
  person: string;
  onClose: () => void;
}

/** Show a one-time sign-in link, which is not shown again. */
export function SignInLinkDialog({ link, person, onClose }: Props) {
  return (
    <Modal opened={link !== undefined} onClose={onClose} title={`Sign-in link for ${person}`}>
      {link && (
        <Stack>
          <Text size="sm">
            Give this link to {person}, over a channel that only they read. It works once, until{" "}
            {fullTime(new Date(link.expires_at))}, and is not shown again.
          </Text>
          <TextInput
            label="Link"
            value={link.url}
            readOnly
            data-autofocus
            onFocus={(event) => event.currentTarget.select()}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          />
          <Group justify="flex-end">
            <CopyButton value={link.url} timeout={3000}>
              {({ copied, copy }) => (
                <Button
                  variant={copied ? "light" : "filled"}
                  leftSection={copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
                  onClick={copy}
                >
                  {copied ? "Copied" : "Copy link"}
                </Button>
              )}
            </CopyButton>
            <Button variant="default" onClick={onClose}>
              Done
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
