import { IGlobalAwareness } from "@jupyter/collaborative-drive";
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, ReactWidget } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { Signal } from "@lumino/signaling";
import React, { useEffect, useReducer } from "react";
import type { Awareness } from "y-protocols/awareness";

import { baseName } from "../core/format";
import { Avatar } from "../core/view";
import { CATEGORY, ICollegium } from "../core/token";
import { Follower } from "./follow";
import { IPeople } from "./token";
import { present, type PresenceState, type PresentPerson } from "./presence";

export const COMMANDS = { follow: "collegium:follow", stop: "collegium:stop-following" };
const SHOWN_MOST = 6;

/** Who is here, at the top of the window, and following them. */
export const peoplePlugin: JupyterFrontEndPlugin<IPeople> = {
  id: "@collegium/lab:people",
  description: "Shows who is in the project and follows a person.",
  autoStart: true,
  requires: [ICollegium, IGlobalAwareness, IDocumentManager],
  optional: [ICommandPalette],
  provides: IPeople,
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    awareness: Awareness,
    documents: IDocumentManager,
    palette: ICommandPalette | null,
  ): IPeople => {
    const follower = new Follower(awareness, collegium.current, documents);
    const changed = new Signal<object, void>({});
    const people: IPeople = {
      changed,
      follower,
      list: () =>
        present(awareness.getStates().values() as Iterable<PresenceState>, collegium.rights.username),
    };
    awareness.on("change", () => changed.emit());
    void collegium.rights.ready.then(() => changed.emit());
    follower.changed.connect(() => changed.emit());

    const bar = ReactWidget.create(<PeopleBar people={people} />);
    bar.id = "collegium-people";
    bar.addClass("collegium-PeopleBar");
    app.shell.add(bar, "top", { rank: 990 });

    addCommands(app, people);
    palette?.addItem({ command: COMMANDS.follow, category: CATEGORY });
    palette?.addItem({ command: COMMANDS.stop, category: CATEGORY });
    return people;
  },
};

function addCommands(app: JupyterFrontEnd, people: IPeople): void {
  const others = () => people.list().filter((person) => !person.isSelf);
  app.commands.addCommand(COMMANDS.follow, {
    label: "Follow the Next Person",
    caption: "Go where another person goes; again for the next one.",
    isEnabled: () => others().length > 0,
    execute: () => {
      const names = others().map((person) => person.username);
      people.follower.follow(names[(names.indexOf(people.follower.followed) + 1) % names.length] ?? "");
    },
  });
  app.commands.addCommand(COMMANDS.stop, {
    label: "Stop Following",
    isEnabled: () => people.follower.followed !== "",
    execute: () => people.follower.follow(""),
  });
  app.commands.addKeyBinding({ command: COMMANDS.follow, keys: ["Accel Alt F"], selector: "body" });
  app.commands.addKeyBinding({
    command: COMMANDS.stop,
    keys: ["Escape"],
    selector: ".collegium-mod-following",
  });
  people.changed.connect(() =>
    Object.values(COMMANDS).forEach((id) => app.commands.notifyCommandChanged(id)),
  );
}

/** Draw again when people come, go or move. */
export function usePeople(people: IPeople): PresentPerson[] {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const listener = () => draw();
    people.changed.connect(listener);
    return () => void people.changed.disconnect(listener);
  }, [people]);
  return people.list();
}

function PeopleBar({ people }: { people: IPeople }): React.JSX.Element {
  const everybody = usePeople(people);
  const others = everybody.filter((person) => !person.isSelf);
  const followed = others.find((person) => person.username === people.follower.followed);
  return (
    <div className="collegium-PeopleBar-list" role="group" aria-label="People who are here">
      {followed && <span className="collegium-PeopleBar-following">Following {followed.name} · Esc</span>}
      {others.slice(0, SHOWN_MOST).map((person) => (
        <button
          key={person.username}
          type="button"
          className="collegium-PeopleBar-person"
          aria-pressed={person === followed}
          aria-label={`Follow ${person.name}`}
          title={`${person.name}${person.at ? ` · ${baseName(person.at)}` : ""}\n${person === followed ? "Stop following" : "Follow"}`}
          onClick={() => people.follower.follow(person === followed ? "" : person.username)}
        >
          <Avatar name={person.name} colour={person.colour} title="" />
        </button>
      ))}
      {others.length > SHOWN_MOST && (
        <span
          title={others
            .slice(SHOWN_MOST)
            .map((p) => p.name)
            .join("\n")}
        >
          +{others.length - SHOWN_MOST}
        </span>
      )}
    </div>
  );
}
