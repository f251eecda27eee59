import React, { useEffect, useRef, useState } from "react";

import { server } from "../core/server";
import { attempt, Button, Empty, Failure, Heading, Loading, useLoaded } from "../core/view";
import { merged, type Message } from "./model";
import { Composer, MessageView, type Talk } from "./parts";

const ADDRESS = "api/collaboration/chat";
interface Page {
  messages: Message[];
  more: boolean;
}

/** The project's chat. */
export function ChatPanel({ talk }: { talk: Talk }): React.JSX.Element {
  const { settings, events } = talk.collegium;
  const first = useLoaded("chat", () => server<Page>(settings, "GET", `${ADDRESS}?limit=50`));
  const [extra, setExtra] = useState<Page>();
  const [news, setNews] = useState<Message[]>([]);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const listener = (_: unknown, event: { type: string; [field: string]: unknown }) => {
      if (event.type === "chat") setNews((old) => merged(old, event.message as Message, (m) => m.at));
    };
    events.received.connect(listener);
    return () => void events.received.disconnect(listener);
  }, [events]);
  const known = [...(extra?.messages ?? []), ...(first.data?.messages ?? [])];
  const messages = news.reduce((all, message) => merged(all, message, (m) => m.at), known);
  const last = messages[messages.length - 1]?.id;
  useEffect(() => {
    void end.current?.scrollIntoView({ block: "nearest" });
  }, [last]);
  const earlier = () =>
    attempt(async () => {
      const page = await server<Page>(settings, "GET", `${ADDRESS}?limit=50&before=${messages[0]!.id}`);
      setExtra((old) => ({ messages: [...page.messages, ...(old?.messages ?? [])], more: page.more }));
    });
  return (
    <>
      <Heading title="Chat" />
      <div className="collegium-Panel-body collegium-Chat" aria-live="polite">
        {first.error && <Failure error={first.error} retry={first.reload} />}
        {!first.data && !first.error && <Loading />}
        {first.data && messages.length === 0 && (
          <Empty>Nobody has written yet. Everybody in the project reads what you write here.</Empty>
        )}
        {(extra ?? first.data)?.more && <Button onClick={() => void earlier()}>Earlier messages</Button>}
        {messages.map((message) => (
          <MessageView key={message.id} talk={talk} message={message} address={`${ADDRESS}/${message.id}`} />
        ))}
        <div ref={end} />
      </div>
      <div className="collegium-Panel-foot">
        <Composer
          talk={talk}
          label="Write to everybody"
          send={(text) => server(settings, "POST", ADDRESS, { text })}
        />
      </div>
    </>
  );
}
