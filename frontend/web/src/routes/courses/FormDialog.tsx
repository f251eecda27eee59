import { Button, Modal, Stack, type ModalProps } from "@mantine/core";
import type { ReactNode } from "react";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone } from "@/lib/notify";

interface Saving<V, R> {
  mutate: (value: V, options: { onSuccess: (result: R) => void }) => void;
  error: unknown;
  isPending: boolean;
}

interface Props<V, R> {
  title: string;
  size?: ModalProps["size"];
  /** The verb on the button. */
  action?: string;
  save: Saving<V, R>;
  /** What is saved; nothing while something is missing. */
  value: () => V | null;
  /** What is said when it is done. */
  done: string | ((result: R) => string);
  onDone?: (result: R) => void;
  onClose: () => void;
  children: ReactNode;
}

/** A form in a dialog: what went wrong above its fields, one button, and a word when it is saved. */
export function FormDialog<V, R>({ title, size, onClose, ...form }: Props<V, R>) {
  return (
    <Modal opened onClose={onClose} title={title} size={size ?? "md"}>
      <DialogForm onClose={onClose} {...form} />
    </Modal>
  );
}

/** The form of a dialog that is open already. */
export function DialogForm<V, R>({
  action = "Save",
  save,
  value,
  done,
  onDone,
  onClose,
  children,
}: Omit<Props<V, R>, "title" | "size">) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const given = value();
        if (given === null) return;
        save.mutate(given, {
          onSuccess: (result) => {
            notifyDone(typeof done === "string" ? done : done(result));
            onClose();
            onDone?.(result);
          },
        });
      }}
    >
      <Stack>
        {save.error !== null && <ProblemAlert error={save.error} />}
        {children}
        <Button type="submit" loading={save.isPending}>
          {action}
        </Button>
      </Stack>
    </form>
  );
}
