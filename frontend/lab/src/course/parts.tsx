import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import React from "react";

import { count } from "../core/format";
import type { WorkState } from "./api";

/** What the panel needs of the page. */
export interface Page {
  app: JupyterFrontEnd;
  documents: IDocumentManager;
}

/** What is wrong with what would be handed in. */
export function Checked({ state }: { state: WorkState }): React.JSX.Element {
  if (!state.problems.length) {
    return (
      <p className="collegium-mod-good">
        Nothing is missing. {count(state.files.length, "file")} would be handed in.
      </p>
    );
  }
  return (
    <ul className="collegium-Findings" aria-label="Problems">
      {state.problems.map((problem, i) => (
        <li key={i}>
          {problem.notebook}
          {problem.grade_id && `, ${problem.grade_id}`}: {problem.text}
        </li>
      ))}
    </ul>
  );
}

/** Save what is open of the assignment, so that what is handed in is what is seen. */
export async function saveFolder({ app, documents }: Page, folder: string): Promise<void> {
  const contexts = [...app.shell.widgets("main")].map((widget) => documents.contextForWidget(widget));
  const own = contexts.filter(
    (context) => context?.localPath.startsWith(`${folder}/`) && context.model.dirty,
  );
  await Promise.all(own.map((context) => context!.save()));
}
