import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { asApiError } from "@/api/errors";

/** Say that something was done. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: "green", icon: <IconCheck size={18} /> });
}

/** Say that something was not done, and why. */
export function notifyProblem(error: unknown): void {
  const { title, detail } = asApiError(error);
  notifications.show({
    title,
    message: detail,
    color: "red",
    icon: <IconAlertTriangle size={18} />,
    autoClose: 10_000,
  });
}
