import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import { asApiError } from "@/api/errors";

/** What went wrong, in place of the thing that should be here. */
export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => unknown }) {
  const { title, detail, requestId } = asApiError(error);
  return (
    <Alert color="red" title={title} icon={<IconAlertTriangle />} role="alert">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{detail}</Text>
        {requestId !== undefined && (
          <Text size="xs">
            Request id, for the operator: <code>{requestId}</code>
          </Text>
        )}
        {onRetry && (
          <Group>
            <Button
              variant="default"
              size="xs"
              leftSection={<IconRefresh size={16} />}
              onClick={() => {
                void onRetry();
              }}
            >
              Try again
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}
