import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { asApiError } from "@/api/errors";

/** Say that something was done. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: "green", icon: <IconCheck size={18} /> });
}

/** Say that something was not done, and why. */
export function notifyProblem(error: unknown): void {
  notifyNotDone(asApiError(error).title, error);
}

/** Say what was not done, and why, where it cannot be seen from the page. */
export function notifyNotDone(what: string, error: unknown): void {
  notifications.show({
    title: what,
    message: asApiError(error).detail,
    color: "red",
    icon: <IconAlertTriangle size={18} />,
    autoClose: 10_000,
  });
}
