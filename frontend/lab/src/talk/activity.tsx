import React, { useEffect } from "react";

import type { ServerEvent } from "../core/events";
import { ago, clock } from "../core/format";
import { server } from "../core/server";
import type { ICollegium } from "../core/token";
import { Avatar, Empty, Failure, Loading, useLoaded } from "../core/view";
import { deedWords, type Entry } from "./model";

/** What happened in the project lately. */
export function ActivityList({ collegium }: { collegium: ICollegium }): React.JSX.Element {
  const entries = useLoaded("activity", async () => {
    const address = "api/collaboration/activity?limit=30";
    return (await server<{ entries: Entry[] }>(collegium.settings, "GET", address)).entries;
  });
  const { reload } = entries;
  useEffect(() => {
    const hear = (_: unknown, event: ServerEvent) => event.type === "activity" && reload();
    collegium.events.received.connect(hear);
    return () => void collegium.events.received.disconnect(hear);
  }, [collegium, reload]);
  const now = clock();
  return (
    <section aria-label="Activity">
      <h3>Activity</h3>
      {entries.error && <Failure error={entries.error} retry={entries.reload} />}
      {!entries.data && !entries.error && <Loading />}
      {entries.data?.length === 0 && <Empty>Nothing has happened yet.</Empty>}
      <ul className="collegium-List">
        {entries.data?.map((entry) => (
          <li key={entry.id} className="collegium-Person">
            <Avatar name={entry.display_name || entry.user || "?"} />
            <span className="collegium-Person-words">
              <span title={entry.detail}>{deedWords(entry)}</span>
              <small>{ago(entry.at, now)}</small>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
