import { Group, Kbd, Stack, Text } from "@mantine/core";
import { SHORTCUTS } from "@/lib/shortcuts";

/** The keyboard shortcuts, as a list. */
export function ShortcutList() {
  return (
    <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {Object.values(SHORTCUTS).map(({ keys, label }) => (
        <Group key={keys} component="li" justify="space-between" wrap="nowrap">
          <Text size="sm">{label}</Text>
          <Kbd>{keys}</Kbd>
        </Group>
      ))}
    </Stack>
  );
}
