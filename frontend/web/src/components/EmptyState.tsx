import { Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  children: ReactNode;
  icon?: ReactNode;
  action?: ReactNode;
  order?: 1 | 2;
}

/** What stands where there is nothing yet: what this place is for, and what to do. */
export function EmptyState({ title, children, icon, action, order = 2 }: Props) {
  return (
    <Stack align="center" gap="sm" py="xl" px="md" ta="center">
      {icon}
      <Title order={order} size="h2">
        {title}
      </Title>
      <Text c="dimmed" maw="30rem">
        {children}
      </Text>
      {action}
    </Stack>
  );
}
