import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { IStatusBar } from "@jupyterlab/statusbar";
import { ReactWidget } from "@jupyterlab/apputils";
import React, { useEffect } from "react";

import type { Schemas } from "../core/api";
import { baseName, bytes, count } from "../core/format";
import { peopleIcon } from "../core/icons";
import { platform } from "../core/platform";
import { projectPage, webPath, projectId } from "../core/project";
import { server } from "../core/server";
import { CATEGORY, ICollegium } from "../core/token";
import { Avatar, Button, Empty, Failure, Heading, Loading, Panel, useLoaded } from "../core/view";
import { total, type KernelModel } from "../kernel/usage";
import { ActivityList } from "../talk/activity";
import { usePeople } from "./plugin";
import { IPeople } from "./token";

const PANEL_ID = "collegium-project";
const LOOK_MS = 5000;
const COMMANDS = { panel: "collegium:project", page: "collegium:project-page", help: "collegium:help" };

type Member = Schemas["Member"];
interface SessionModel {
  path: string;
  name: string;
  kernel: KernelModel | null;
}

/** The panel about the project: its people, what its kernels use, the ways back to the web app. */
export const projectPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:project",
  description: "A panel with the project's people and kernels, and links back to its page.",
  autoStart: true,
  requires: [ICollegium, IPeople, ILabShell],
  optional: [ICommandPalette, IMainMenu, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    people: IPeople,
    shell: ILabShell,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
    statusBar: IStatusBar | null,
  ): void => {
    const panel = new Panel(PANEL_ID, "Project", peopleIcon, () => (
      <ProjectView collegium={collegium} people={people} />
    ));
    shell.add(panel, "left", { rank: 150 });
    const open = (address: string) => void window.open(address, "_blank", "noopener");
    app.commands.addCommand(COMMANDS.panel, {
      label: "Show the Project's People and Kernels",
      execute: () => shell.activateById(PANEL_ID),
    });
    app.commands.addCommand(COMMANDS.page, {
      label: "Open the Project's Page",
      execute: () => open(projectPage),
    });
    app.commands.addCommand(COMMANDS.help, {
      label: "Collegium Help",
      execute: () => open(`${webPath}help`),
    });
    Object.values(COMMANDS).forEach((command) => palette?.addItem({ command, category: CATEGORY }));
    menu?.helpMenu.addGroup([{ command: COMMANDS.help }, { command: COMMANDS.page }], 0);
    menu?.fileMenu.addGroup([{ command: COMMANDS.page }], 90);
    statusBar?.registerStatusItem("@collegium/lab:usage", {
      item: ReactWidget.create(
        <UsageItem collegium={collegium} onClick={() => shell.activateById(PANEL_ID)} />,
      ),
      align: "right",
      rank: 60,
    });
  },
};

function ProjectView({ collegium, people }: { collegium: ICollegium; people: IPeople }): React.JSX.Element {
  const project = useLoaded("project", () => platform<Schemas["Project"]>("GET", `/projects/${projectId}`));
  const { reload } = project;
  useEffect(() => {
    const again = (_: unknown, isConnected: boolean) => isConnected && reload();
    collegium.events.connectedChanged.connect(again);
    return () => void collegium.events.connectedChanged.disconnect(again);
  }, [collegium, reload]);
  return (
    <>
      <Heading title={project.data?.name ?? "Project"}>
        <a className="collegium-Link" href={projectPage} target="_blank" rel="noreferrer">
          Project page
        </a>
      </Heading>
      <div className="collegium-Panel-body">
        {project.error && <Failure error={project.error} retry={project.reload} />}
        {!project.data && !project.error && <Loading />}
        <PeopleList people={people} members={project.data?.members ?? []} />
        <KernelList collegium={collegium} />
        <ActivityList collegium={collegium} />
      </div>
    </>
  );
}

function PeopleList({ people, members }: { people: IPeople; members: Member[] }): React.JSX.Element {
  const here = usePeople(people);
  const present = new Set(here.map((person) => person.username));
  const away = members.filter((member) => !present.has(member.name));
  const role = (name: string) => members.find((member) => member.name === name)?.role ?? "";
  return (
    <section aria-label="People">
      <h3>People</h3>
      <ul className="collegium-List">
        {here.map((person) => (
          <li key={person.username} className="collegium-Person">
            <Avatar name={person.name} colour={person.colour} />
            <span className="collegium-Person-words">
              <span>
                {person.name}
                {person.isSelf && " (you)"} <small>{role(person.username)}</small>
              </span>
              <small>{person.at ? `in ${baseName(person.at)}` : "here"}</small>
            </span>
            {!person.isSelf && (
              <Button
                aria-pressed={people.follower.followed === person.username}
                onClick={() =>
                  people.follower.follow(people.follower.followed === person.username ? "" : person.username)
                }
              >
                {people.follower.followed === person.username ? "Stop" : "Follow"}
              </Button>
            )}
          </li>
        ))}
        {away.map((member) => (
          <li key={member.name} className="collegium-Person collegium-mod-away">
            <Avatar name={member.display_name} colour="var(--jp-layout-color4)" />
            <span className="collegium-Person-words">
              <span>
                {member.display_name} <small>{member.role}</small>
              </span>
              <small>not here now</small>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useEvery(milliseconds: number, work: () => void): void {
  useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === "visible" && work(), milliseconds);
    return () => window.clearInterval(timer);
  }, [milliseconds, work]);
}

function KernelList({ collegium }: { collegium: ICollegium }): React.JSX.Element {
  const sessions = useLoaded("sessions", async () => {
    const [open, kernels] = await Promise.all([
      server<SessionModel[]>(collegium.settings, "GET", "api/sessions"),
      server<KernelModel[]>(collegium.settings, "GET", "api/kernels"),
    ]);
    return kernels.map((kernel) => ({
      kernel,
      path: open.find((each) => each.kernel?.id === kernel.id)?.path ?? "",
    }));
  });
  useEvery(LOOK_MS, sessions.reload);
  return (
    <section aria-label="Kernels">
      <h3>Kernels</h3>
      {sessions.error && <Failure error={sessions.error} retry={sessions.reload} />}
      {sessions.data?.length === 0 && <Empty>No kernel runs. One starts with the first cell.</Empty>}
      <ul className="collegium-List">
        {sessions.data?.map(({ kernel, path }) => (
          <li key={kernel.id} className="collegium-Kernel">
            <span className="collegium-Person-words">
              <span title={path}>{path ? baseName(path) : kernel.name}</span>
              <small>
                {kernel.reason ?? kernel.execution_state}
                {kernel.memory_bytes !== undefined && ` · ${bytes(kernel.memory_bytes)}`}
                {kernel.cpu_percent !== undefined && ` · ${Math.round(kernel.cpu_percent)} % CPU`}
                {(kernel.processes ?? 1) > 1 && ` · ${kernel.processes} processes`}
                {kernel.gpus?.length ? ` · GPU ${kernel.gpus.join(", ")}` : ""}
              </small>
              {kernel.last_end && (
                <small className="collegium-mod-warn">Ended before: {kernel.last_end.message}</small>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function UsageItem({
  collegium,
  onClick,
}: {
  collegium: ICollegium;
  onClick: () => void;
}): React.JSX.Element {
  const kernels = useLoaded("kernels", () => server<KernelModel[]>(collegium.settings, "GET", "api/kernels"));
  useEvery(LOOK_MS, kernels.reload);
  if (!kernels.data?.length) return <></>;
  const { memoryBytes, cpuPercent } = total(kernels.data);
  return (
    <button
      type="button"
      className="collegium-StatusButton jp-StatusBar-TextItem"
      title={`${count(kernels.data.length, "kernel")} of this project: memory and processor. Click for each.`}
      onClick={onClick}
    >
      {bytes(memoryBytes)} · {Math.round(cpuPercent)} % CPU
    </button>
  );
}
