import { Combobox, Loader, TextInput, useCombobox } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { asApiError } from "@/api/errors";
import { peopleQuery } from "@/api/queries";
import type { Person } from "@/api/types";
import { PersonLine } from "./Person";

interface Props {
  /** User names that cannot be chosen, because they are members already. */
  exclude: ReadonlySet<string>;
  onPick: (person: Person) => void;
  disabled?: boolean;
  label?: string;
}

/** Find a person by typing a part of their name. */
export function PersonPicker({ exclude, onPick, disabled = false, label = "Add a person" }: Props) {
  const [text, setText] = useState("");
  const [search] = useDebouncedValue(text.trim(), 150);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const { data, error, isFetching } = useQuery({ ...peopleQuery(search), placeholderData: keepPreviousData });
  const found = search === "" ? [] : (data?.items ?? []);

  const pick = (name: string) => {
    const person = found.find((candidate) => candidate.name === name);
    if (!person) return;
    onPick(person);
    setText("");
    combobox.closeDropdown();
  };

  return (
    <Combobox store={combobox} onOptionSubmit={pick} withinPortal>
      <Combobox.Target>
        <TextInput
          label={label}
          placeholder="Name or user name"
          value={text}
          disabled={disabled}
          autoComplete="off"
          rightSection={isFetching ? <Loader size="xs" /> : null}
          onChange={(event) => {
            setText(event.currentTarget.value);
            combobox.openDropdown();
            combobox.resetSelectedOption();
          }}
          onFocus={() => combobox.openDropdown()}
          onBlur={() => combobox.closeDropdown()}
        />
      </Combobox.Target>
      <Combobox.Dropdown hidden={search === "" || (data === undefined && !error)}>
        <Combobox.Options aria-label="People found" tabIndex={0} mah="18rem" style={{ overflowY: "auto" }}>
          {found.map((person) => (
            <Combobox.Option key={person.name} value={person.name} disabled={exclude.has(person.name)}>
              <PersonLine
                person={person}
                note={exclude.has(person.name) ? "· already a member" : undefined}
              />
            </Combobox.Option>
          ))}
          {found.length === 0 && (
            <Combobox.Empty>
              {error ? asApiError(error).detail : `Nobody is called “${search}”.`}
            </Combobox.Empty>
          )}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
