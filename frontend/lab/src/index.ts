import type { JupyterFrontEndPlugin } from "@jupyterlab/application";

import { coursePlugin } from "./course/plugin";
import { corePlugin } from "./core/plugin";
import { projectId } from "./core/project";
import { historyPlugin } from "./history/plugin";
import { kernelDeathPlugin } from "./kernel/plugin";
import { peoplePlugin } from "./people/plugin";
import { projectPlugin } from "./people/project";
import { executorPlugin, runsPlugin } from "./runs/plugin";
import { snapshotsPlugin } from "./files/plugin";
import { talkPlugin } from "./talk/plugin";
import { connectionPlugin } from "./status/connection";
import { statusPlugin } from "./status/plugin";
import { viewerPlugin } from "./viewer/plugin";

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  corePlugin,
  peoplePlugin,
  projectPlugin,
  statusPlugin,
  connectionPlugin,
  viewerPlugin,
  kernelDeathPlugin,
  historyPlugin,
  executorPlugin,
  runsPlugin,
  coursePlugin,
  talkPlugin,
  snapshotsPlugin,
] as JupyterFrontEndPlugin<unknown>[];

// Outside of a project's server there is nothing to show.
export default projectId ? plugins : [];
