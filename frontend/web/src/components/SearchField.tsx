import { Kbd, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState, type Ref } from "react";
import { SHORTCUTS } from "@/lib/shortcuts";

const TYPING_PAUSE_MS = 200;

interface Props {
  label: string;
  placeholder: string;
  /** What is searched for when the page comes up. */
  initial: string;
  /** Called with the trimmed text once the typing pauses. */
  onSearch: (text: string) => void;
  inputRef?: Ref<HTMLInputElement>;
}

/** A field that searches while one types; the key `/` leads to it where the page binds it. */
export function SearchField({ label, placeholder, initial, onSearch, inputRef }: Props) {
  const [text, setText] = useState(initial);
  const search = useDebouncedCallback((value: string) => onSearch(value.trim()), TYPING_PAUSE_MS);
  return (
    <TextInput
      {...(inputRef ? { ref: inputRef } : {})}
      type="search"
      aria-label={label}
      placeholder={placeholder}
      leftSection={<IconSearch size={18} />}
      rightSection={
        <Kbd aria-hidden="true" visibleFrom="sm">
          {SHORTCUTS.search.keys}
        </Kbd>
      }
      rightSectionWidth={44}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        search(event.currentTarget.value);
      }}
    />
  );
}
