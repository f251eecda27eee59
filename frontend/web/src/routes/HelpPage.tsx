import { List, Stack, Text, Title } from "@mantine/core";
import { Section } from "@/components/Section";
import { ShortcutList } from "@/components/ShortcutList";
import { ROLES } from "@/lib/roles";
import { usePageTitle } from "@/lib/usePageTitle";

/** The few things that one needs to know. */
export function HelpPage() {
  usePageTitle("Help");
  return (
    <Stack gap="lg" maw="44rem">
      <Title order={1}>Help</Title>
      <Section title="Projects">
        <Stack gap="sm">
          <Text size="sm">
            A project holds notebooks and files, the people who work on them, and one server that runs them.
            Opening a project starts the server if needed and leads to JupyterLab. Everybody in the project
            works in the same notebooks at the same time and sees what the others write.
          </Text>
          <Text size="sm">
            Files are kept when the server stops. Variables in memory are not: run the notebook again from the
            top.
          </Text>
        </Stack>
      </Section>
      <Section title="Roles">
        <List size="sm" spacing="xs">
          {ROLES.map(({ value, label, means }) => (
            <List.Item key={value}>
              <b>{label}</b>: {means.charAt(0).toLowerCase() + means.slice(1)}.
            </List.Item>
          ))}
        </List>
      </Section>
      <Section title="When something does not work">
        <List size="sm" spacing="xs">
          <List.Item>
            A server that does not start shows the reason. Try again once; then tell the operator.
          </List.Item>
          <List.Item>A notebook that hangs: in JupyterLab, choose Kernel, then Restart kernel.</List.Item>
          <List.Item>
            A message with a request id: give the id to the operator, who finds by it what happened.
          </List.Item>
        </List>
      </Section>
      <Section title="Keyboard shortcuts">
        <ShortcutList />
      </Section>
    </Stack>
  );
}
