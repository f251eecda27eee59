import { Group, Paper, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  note?: string;
  action?: ReactNode;
  id?: string;
  children: ReactNode;
}

/** A titled card of a page. */
export function Section({ title, note, action, id, children }: Props) {
  return (
    <Paper component="section" p="lg" aria-label={title} {...(id ? { id } : {})}>
      <Group justify="space-between" mb="md" align="flex-start">
        <div style={{ flex: "1 1 9rem" }}>
          <Title order={2} size="h3">
            {title}
          </Title>
          {note && (
            <Text size="sm" c="dimmed">
              {note}
            </Text>
          )}
        </div>
        {action}
      </Group>
      {children}
    </Paper>
  );
}
