import { Dialog, Notification, ReactWidget, showDialog } from "@jupyterlab/apputils";
import React from "react";

import type { Schemas } from "../core/api";
import { baseName } from "../core/format";
import { platform } from "../core/platform";
import { projectId, webPath } from "../core/project";
import { Empty } from "../core/view";
import { changedTexts } from "./texts";

type Parameter = Schemas["NotebookParameter"];

const ASK_MS = 1500;

/** Ask for the values of a notebook's parameters, run it as a pipeline of one step, and tell how it ended. */
export async function runWithParameters(file: string): Promise<void> {
  const address = `/pipelines/${projectId}/parameters?file=${encodeURIComponent(file)}`;
  const { parameters } = await platform<Schemas["NotebookParameters"]>("GET", address);
  const form = new ParameterForm(parameters);
  const answer = await showDialog({
    title: `Run ${baseName(file)} with parameters`,
    body: form,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Run" })],
  });
  if (!answer.button.accept) return;
  // The fields themselves are gone when the dialog has closed.
  const texts = changedTexts(parameters, answer.value ?? {});
  const run = await platform<Schemas["RunState"]>("POST", `/runs/${projectId}`, {
    file,
    parameters: {},
    texts,
  });
  tell(run, file);
}

/** A field for each parameter, with its type, default and help. */
class ParameterForm extends ReactWidget implements Dialog.IBodyWidget<Record<string, string>> {
  constructor(private readonly parameters: readonly Parameter[]) {
    super();
    this.addClass("collegium-ParameterForm");
  }

  /** What is in the fields, by name. */
  getValue(): Record<string, string> {
    const fields = this.node.querySelectorAll<HTMLInputElement>("[name]");
    return Object.fromEntries([...fields].map((field) => [field.name, field.value]));
  }

  protected override render(): React.JSX.Element {
    if (!this.parameters.length) {
      return (
        <Empty>
          This notebook has no parameters: give a cell the tag “parameters” and assign defaults in it. It can
          run as it is; the run is kept with its record.
        </Empty>
      );
    }
    return (
      <>
        {this.parameters.map((parameter) => (
          <label key={parameter.name}>
            <span>
              {parameter.name} <small>{parameter.type}</small>
            </span>
            <Field parameter={parameter} />
            {parameter.help && <small>{parameter.help}</small>}
          </label>
        ))}
      </>
    );
  }
}

function Field({ parameter }: { parameter: Parameter }): React.JSX.Element {
  if (!parameter.choices.length) {
    return (
      <input
        className="jp-mod-styled"
        name={parameter.name}
        defaultValue={parameter.default}
        required={parameter.required}
        autoComplete="off"
      />
    );
  }
  return (
    <select className="jp-mod-styled" name={parameter.name} defaultValue={parameter.default}>
      {parameter.choices.map((choice) => {
        const text = typeof choice === "string" ? choice : JSON.stringify(choice);
        return (
          <option key={text} value={text}>
            {text}
          </option>
        );
      })}
    </select>
  );
}

function tell(run: Schemas["RunState"], file: string): void {
  const page = `${webPath}projects/${projectId}/runs/${run.id}`;
  const actions = [{ label: "Show the run", callback: () => void window.open(page, "_blank", "noopener") }];
  const name = baseName(file);
  const note = Notification.emit(`${name} runs with your parameters.`, "in-progress", {
    autoClose: false,
    actions,
  });
  const look = async (): Promise<void> => {
    let state: Schemas["RunState"];
    try {
      state = (await platform<Schemas["RunDetail"]>("GET", `/runs/${projectId}/${run.id}`)).run;
    } catch (error) {
      const message = `How the run of ${name} stands cannot be asked: ${(error as Error).message}`;
      Notification.update({ id: note, message, type: "warning", autoClose: false, actions });
      return;
    }
    if (state.status === "queued" || state.status === "running") {
      window.setTimeout(() => void look(), ASK_MS);
    } else {
      const isGood = state.status === "ok";
      const message = isGood
        ? `The run of ${name} has ended.`
        : `The run of ${name}: ${state.status}. ${state.message}`;
      Notification.update({
        id: note,
        message,
        type: isGood ? "success" : "error",
        autoClose: false,
        actions,
      });
    }
  };
  void look();
}
