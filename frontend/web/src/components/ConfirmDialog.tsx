import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { ProblemAlert } from "./ProblemAlert";

interface Props {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** The verb on the button: what will be done. */
  action: string;
  /** What must be typed before the button works, for what cannot be taken back. */
  typeToConfirm?: string;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Ask before something is done that affects others or cannot be taken back. */
export function ConfirmDialog({ opened, onClose, title, ...body }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <ConfirmForm onClose={onClose} {...body} />
    </Modal>
  );
}

function ConfirmForm({
  children,
  action,
  typeToConfirm,
  danger = true,
  onConfirm,
  onClose,
}: Omit<Props, "opened" | "title">) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isAllowed = typeToConfirm === undefined || typed.trim() === typeToConfirm;

  const confirm = async () => {
    if (!isAllowed || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void confirm();
      }}
    >
      <Stack>
        <div>{children}</div>
        {typeToConfirm !== undefined && (
          <TextInput
            label={
              <>
                To confirm, type <b>{typeToConfirm}</b>
              </>
            }
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
          />
        )}
        {error !== undefined && <ProblemAlert error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color={danger ? "red" : "ink"} disabled={!isAllowed} loading={busy}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
