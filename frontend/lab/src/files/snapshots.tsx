import { Dialog, showDialog } from "@jupyterlab/apputils";
import React, { useState } from "react";

import { ago, bytes, clock, count } from "../core/format";
import { encodePath, server, serverUrl } from "../core/server";
import type { ICollegium } from "../core/token";
import { attempt, Button, Empty, Failure, Heading, Loading, useLoaded, useSignals } from "../core/view";

const ADDRESS = "api/collaboration/snapshots";

interface Snapshot {
  id: string;
  at: number;
  reason: string;
  by: string;
  files: number;
  bytes: number;
}
interface Item {
  name: string;
  path: string;
  type: "file" | "folder";
  bytes: number;
}
interface Found {
  path: string;
  versions: { snapshot: string; at: number; bytes: number }[];
}
interface Restored {
  restored: string[];
  failed: { path: string; reason: string }[];
}

const REASONS: Record<string, string> = { timer: "regular", saves: "after much work", asked: "asked for" };

/** All files of the project as they were: browse, search, download, restore. */
export function SnapshotsPanel({ collegium }: { collegium: ICollegium }): React.JSX.Element {
  const { settings, rights } = collegium;
  useSignals(rights.changed);
  const [query, setQuery] = useState("");
  const [opened, setOpened] = useState<string>();
  const list = useLoaded(
    "snapshots",
    async () => (await server<{ snapshots: Snapshot[] }>(settings, "GET", ADDRESS)).snapshots,
  );
  const take = async () => {
    if (await attempt(() => server(settings, "POST", ADDRESS), "Took a snapshot.")) list.reload();
  };
  return (
    <>
      <Heading title="Snapshots">
        <Button kind="link" disabled={!rights.mayWrite} onClick={() => void take()}>
          Take one now
        </Button>
      </Heading>
      <div className="collegium-Panel-body">
        <input
          type="search"
          className="jp-mod-styled collegium-Search"
          placeholder="Search files by name"
          aria-label="Search files by name"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        {list.error && <Failure error={list.error} retry={list.reload} />}
        {!list.data && !list.error && <Loading />}
        {list.data?.length === 0 && (
          <Empty>
            No snapshot yet. They are taken by themselves while people work; you can take one now.
          </Empty>
        )}
        {query.trim() ? (
          <SearchResults collegium={collegium} query={query.trim()} />
        ) : (
          list.data?.map((snapshot) => (
            <section key={snapshot.id} className="collegium-Snapshot">
              <button
                type="button"
                className="collegium-Disclosure"
                aria-expanded={opened === snapshot.id}
                onClick={() => setOpened(opened === snapshot.id ? undefined : snapshot.id)}
              >
                <span>{ago(snapshot.at, clock())}</span>
                <small>
                  {count(snapshot.files, "file")} · {bytes(snapshot.bytes)} ·{" "}
                  {REASONS[snapshot.reason] ?? snapshot.reason}
                </small>
              </button>
              {opened === snapshot.id && (
                <>
                  <Folder collegium={collegium} snapshot={snapshot.id} path="" />
                  {rights.mayWrite && (
                    <Button onClick={() => void restore(collegium, snapshot.id, null)}>
                      Restore all files
                    </Button>
                  )}
                </>
              )}
            </section>
          ))
        )}
      </div>
    </>
  );
}

function Folder(props: { collegium: ICollegium; snapshot: string; path: string }): React.JSX.Element {
  const { collegium, snapshot, path } = props;
  const items = useLoaded(`${snapshot} ${path}`, async () => {
    const address = `${ADDRESS}/${snapshot}?folder=${encodeURIComponent(path)}`;
    return (await server<{ entries: Item[] }>(collegium.settings, "GET", address)).entries;
  });
  const [opened, setOpened] = useState<string[]>([]);
  if (items.error) return <Failure error={items.error} retry={items.reload} />;
  if (!items.data) return <Loading />;
  return (
    <ul className="collegium-List collegium-Tree">
      {items.data.map((item) => (
        <li key={item.path}>
          {item.type === "folder" ? (
            <>
              <button
                type="button"
                className="collegium-Disclosure"
                aria-expanded={opened.includes(item.path)}
                onClick={() =>
                  setOpened(
                    opened.includes(item.path)
                      ? opened.filter((each) => each !== item.path)
                      : [...opened, item.path],
                  )
                }
              >
                {item.name}/
              </button>
              {opened.includes(item.path) && <Folder {...{ collegium, snapshot }} path={item.path} />}
            </>
          ) : (
            <FileRow {...{ collegium, snapshot }} path={item.path} name={item.name} size={item.bytes} />
          )}
        </li>
      ))}
    </ul>
  );
}

function FileRow(props: {
  collegium: ICollegium;
  snapshot: string;
  path: string;
  name: string;
  size: number;
}): React.JSX.Element {
  const { collegium, snapshot, path, name, size } = props;
  const address = serverUrl(collegium.settings, `${ADDRESS}/${snapshot}/file/${encodePath(path)}`);
  return (
    <span className="collegium-FileRow">
      <span title={path}>
        {name} <small>{bytes(size)}</small>
      </span>
      <a className="collegium-Link" href={address} download={name} aria-label={`Download ${name}`}>
        Download
      </a>
      {collegium.rights.mayWrite && (
        <Button
          kind="link"
          aria-label={`Restore ${name}`}
          onClick={() => void restore(collegium, snapshot, [path])}
        >
          Restore
        </Button>
      )}
    </span>
  );
}

function SearchResults({ collegium, query }: { collegium: ICollegium; query: string }): React.JSX.Element {
  const found = useLoaded(query, async () => {
    const address = `${ADDRESS}/search?query=${encodeURIComponent(query)}&limit=100`;
    return (await server<{ found: Found[] }>(collegium.settings, "GET", address)).found;
  });
  const now = clock();
  if (found.error) return <Failure error={found.error} retry={found.reload} />;
  if (!found.data) return <Loading />;
  if (!found.data.length) return <Empty>No file of any snapshot has “{query}” in its name.</Empty>;
  return (
    <>
      {found.data.map((file) => (
        <section key={file.path}>
          <h3 title={file.path}>{file.path}</h3>
          {file.versions.map((version) => (
            <FileRow
              key={version.snapshot}
              {...{ collegium }}
              snapshot={version.snapshot}
              path={file.path}
              name={ago(version.at, now)}
              size={version.bytes}
            />
          ))}
        </section>
      ))}
    </>
  );
}

async function restore(collegium: ICollegium, snapshot: string, paths: string[] | null): Promise<void> {
  const what = paths === null ? "all files" : paths.join(", ");
  const answer = await showDialog({
    title: `Restore ${what}?`,
    body: "What is there now goes into a snapshot first, so that you can come back to it. Open documents show the restored content.",
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Restore" })],
  });
  if (!answer.button.accept) return;
  await attempt(async () => {
    const done = await server<Restored>(collegium.settings, "POST", `${ADDRESS}/${snapshot}/restore`, {
      paths,
    });
    const [failed] = done.failed;
    if (failed)
      throw new Error(
        `${count(done.failed.length, "file")} could not be restored. ${failed.path}: ${failed.reason}`,
      );
  }, `Restored ${what}.`);
}
