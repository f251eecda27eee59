import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconTrash } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { ConfirmDialog } from "@/components/ConfirmDialog";

interface Props {
  what: string;
  /** What follows from it. */
  children: ReactNode;
  onRemove: () => Promise<unknown>;
}

/** Remove something that runs by itself, after asking. */
export function RemoveButton({ what, children, onRemove }: Props) {
  const [asking, ask] = useDisclosure(false);
  return (
    <>
      <Button
        variant="default"
        size="compact-xs"
        leftSection={<IconTrash size={14} />}
        aria-label={`Remove ${what}`}
        onClick={ask.open}
      >
        Remove
      </Button>
      <ConfirmDialog
        opened={asking}
        title={`Remove ${what}?`}
        action="Remove"
        danger
        onConfirm={onRemove}
        onClose={ask.close}
      >
        {children}
      </ConfirmDialog>
    </>
  );
}
