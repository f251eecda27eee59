import { Text } from "@mantine/core";

/**
 * A comment or message as the service has rendered it: Markdown and MathML that it has sanitised, without scripts.
 *
 * It is short text by people of the course; notebooks, which may hold anything, are shown in a `SafeFrame`.
 */
export function FormattedText({ html }: { html: string }) {
  return <Text component="div" size="sm" className="formatted" dangerouslySetInnerHTML={{ __html: html }} />;
}
