import { Button, CopyButton, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** What the secret is: “Link”, “Token”. */
  label: string;
  /** Shown while there is one. */
  secret: string | undefined;
  /** What to do with it. */
  children: ReactNode;
  onClose: () => void;
}

/** Show something that is not shown again, with a button that copies it. */
export function SecretDialog({ title, label, secret, children, onClose }: Props) {
  return (
    <Modal opened={secret !== undefined} onClose={onClose} title={title}>
      {secret !== undefined && (
        <Stack>
          <Text size="sm">{children}</Text>
          <TextInput
            label={label}
            value={secret}
            readOnly
            data-autofocus
            onFocus={(event) => event.currentTarget.select()}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          />
          <Group justify="flex-end">
            <CopyButton value={secret} timeout={3000}>
              {({ copied, copy }) => (
                <Button
                  variant={copied ? "light" : "filled"}
                  leftSection={copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
                  onClick={copy}
                >
                  {copied ? "Copied" : `Copy ${label.toLowerCase()}`}
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
