import { Avatar, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Person } from "@/api/types";

const COLORS = ["ink", "green", "yellow", "red"] as const;

/** A circle with the person's initials, in a colour that stays the same everywhere. */
export function PersonAvatar({ person, size = "md" }: { person: Person; size?: "sm" | "md" | "xl" }) {
  return (
    <Avatar
      src={person.avatar_url ?? null}
      alt=""
      color={colorOf(person.name)}
      size={size}
      radius={100}
      aria-hidden="true"
    >
      {initials(person)}
    </Avatar>
  );
}

/** A person with avatar, display name and user name. */
export function PersonLine({ person, note }: { person: Person; note?: ReactNode }) {
  return (
    <Group gap="sm" wrap="nowrap" miw={0}>
      <PersonAvatar person={person} />
      <div style={{ minWidth: 0 }}>
        <Group gap="xs">
          <Text fw={550} size="sm">
            {person.display_name}
          </Text>
          {note}
        </Group>
        <Text size="xs" c="dimmed">
          {person.name}
        </Text>
      </div>
    </Group>
  );
}

const letters = new Intl.Segmenter();

/** The first letters of the first and the last word of a person's name. */
export function initials({ name, display_name }: Person): string {
  const words = (display_name || name).split(/[\s._-]+/).filter(Boolean);
  const shown = words.length > 1 ? [words.at(0), words.at(-1)] : words;
  return shown.map(firstLetter).join("").toLocaleUpperCase();
}

function firstLetter(word = ""): string {
  const [first] = letters.segment(word);
  return first?.segment ?? "";
}

function colorOf(name: string): (typeof COLORS)[number] {
  let sum = 7;
  for (let index = 0; index < name.length; index++) sum = (sum * 31 + name.charCodeAt(index)) % 9973;
  return COLORS[sum % COLORS.length] ?? "ink";
}
