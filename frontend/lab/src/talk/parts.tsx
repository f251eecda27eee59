import { renderMarkdown, type IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { IMarkdownParser } from "@jupyterlab/rendermime";
import React, { useEffect, useRef, useState } from "react";

import { ago, clock } from "../core/format";
import { server } from "../core/server";
import type { ICollegium } from "../core/token";
import { attempt, Avatar, Button } from "../core/view";
import { completed, mentionable, mentionTyped, type MemberName, type Message } from "./model";

/** What talking needs of the page. */
export interface Talk {
  collegium: ICollegium;
  rendermime: IRenderMimeRegistry;
  markdown: IMarkdownParser | null;
}

/** Markdown and formulas, sanitised as JupyterLab does with an untrusted notebook. */
export function Words({ talk, source }: { talk: Talk; source: string }): React.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return;
    void renderMarkdown({
      host: host.current,
      source,
      trusted: false,
      resolver: null,
      sanitizer: talk.rendermime.sanitizer,
      linkHandler: null,
      shouldTypeset: true,
      latexTypesetter: talk.rendermime.latexTypesetter,
      markdownParser: talk.markdown,
    });
  }, [source, talk]);
  return <div ref={host} className="collegium-Words" />;
}

/** A message with its author; one's own can be changed and taken back. */
export function MessageView(props: { talk: Talk; message: Message; address: string }): React.JSX.Element {
  const { talk, message, address } = props;
  const [isEditing, setEditing] = useState(false);
  const { settings, rights } = talk.collegium;
  const isOwn = message.author === rights.username;
  const isMentioned = message.mentions.includes(rights.username);
  return (
    <article
      className={`collegium-Message ${isMentioned ? "collegium-mod-mentioned" : ""}`}
      aria-label={`Message of ${message.display_name}`}
    >
      <header>
        <Avatar name={message.display_name} />
        <strong>{message.display_name}</strong>
        <small title={new Date(message.at * 1000).toLocaleString()}>
          {ago(message.at, clock())}
          {message.edited !== null && " · edited"}
        </small>
      </header>
      {message.deleted ? (
        <p className="collegium-Empty">This message was taken back.</p>
      ) : isEditing ? (
        <Composer
          talk={talk}
          label="Change the message"
          initial={message.text}
          send={(text) => server(settings, "PATCH", address, { text })}
          done={() => setEditing(false)}
        />
      ) : (
        <Words talk={talk} source={message.text} />
      )}
      {isOwn && !message.deleted && !isEditing && (
        <footer>
          <Button kind="link" onClick={() => setEditing(true)}>
            Edit
          </Button>
          <Button kind="link" onClick={() => void attempt(() => server(settings, "DELETE", address))}>
            Delete
          </Button>
        </footer>
      )}
    </article>
  );
}

/** A field to write in: Enter sends, Shift+Enter makes a line, @ offers the members' names. */
export function Composer(props: {
  talk: Talk;
  label: string;
  initial?: string;
  send: (text: string) => Promise<unknown>;
  done?: () => void;
}): React.JSX.Element {
  const { talk, label, send, done } = props;
  const [text, setText] = useState(props.initial ?? "");
  const [offered, setOffered] = useState<MemberName[]>([]);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = async () => {
    if (!text.trim() || isBusy) return;
    setBusy(true);
    if (await attempt(() => send(text.trim()))) {
      setText("");
      done?.();
    }
    setBusy(false);
  };
  const typed = async (value: string, cursor: number) => {
    setText(value);
    const name = mentionTyped(value.slice(0, cursor));
    setOffered(name === undefined ? [] : mentionable(await membersOf(talk.collegium), name));
  };
  const take = (member: MemberName) => {
    const next = completed(text, field.current?.selectionStart ?? text.length, member.username);
    setText(next.text);
    setOffered([]);
    field.current?.focus();
  };
  const pressed = (event: React.KeyboardEvent) => {
    event.stopPropagation();
    const [first] = offered;
    if (event.key === "Escape") {
      setOffered([]);
      if (!offered.length) done?.();
    } else if (first && (event.key === "Tab" || event.key === "Enter")) {
      event.preventDefault();
      take(first);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void submit();
    }
  };
  return (
    <div className="collegium-Composer">
      <textarea
        ref={field}
        className="jp-mod-styled"
        rows={2}
        aria-label={label}
        placeholder={`${label} (Enter sends, @ mentions)`}
        value={text}
        onChange={(event) => void typed(event.target.value, event.target.selectionStart)}
        onKeyDown={pressed}
      />
      {offered.length > 0 && (
        <ul className="collegium-Composer-names" aria-label="People to mention">
          {offered.map((member) => (
            <li key={member.username}>
              <Button kind="link" onClick={() => take(member)}>
                {member.display_name} <small>@{member.username}</small>
              </Button>
            </li>
          ))}
        </ul>
      )}
      <div className="collegium-Composer-actions">
        {done && (
          <Button kind="link" onClick={done}>
            Cancel
          </Button>
        )}
        <Button kind="accept" disabled={!text.trim() || isBusy} onClick={() => void submit()}>
          Send
        </Button>
      </div>
    </div>
  );
}

let members: Promise<MemberName[]> | undefined;

function membersOf(collegium: ICollegium): Promise<MemberName[]> {
  members ??= server<{ members: MemberName[] }>(
    collegium.settings,
    "GET",
    "api/collaboration/members?query=",
  ).then(
    (answer) => answer.members,
    () => {
      members = undefined; // asked again with the next @
      return [];
    },
  );
  return members;
}
