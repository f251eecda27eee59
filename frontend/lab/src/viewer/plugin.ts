import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { MainAreaWidget, Notification } from "@jupyterlab/apputils";
import { IEditorTracker } from "@jupyterlab/fileeditor";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import type { IDocumentWidget } from "@jupyterlab/docregistry";
import { Widget } from "@lumino/widgets";
import type { ReadonlyPartialJSONObject } from "@lumino/coreutils";

import type { Rights } from "../core/rights";
import { ICollegium } from "../core/token";
import { refusal } from "./rules";

const BANNER_CLASS = "collegium-ReadOnlyBanner";
const BANNER =
  "You are viewing this project: you see every change as it is made, and cannot change or run anything. " +
  "An owner can make you an editor.";
const VIEWER_CLASS = "collegium-mod-viewer";
const READ_ONLY_CLASS = "collegium-mod-readOnly";

/** Documents that can be looked at and not changed, for those who are viewers: with a word on why. */
export const viewerPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:viewer",
  description: "Makes documents read-only for viewers and says why.",
  autoStart: true,
  requires: [ICollegium, INotebookTracker],
  optional: [IEditorTracker],
  activate: (
    app: JupyterFrontEnd,
    { rights }: ICollegium,
    notebooks: INotebookTracker,
    editors: IEditorTracker | null,
  ): void => {
    guardCommands(app, rights);
    guardKernels(app, rights);
    const each = (widget: IDocumentWidget) => {
      const apply = () => applyRights(widget, rights);
      rights.changed.connect(apply);
      widget.disposed.connect(() => rights.changed.disconnect(apply));
      void widget.context.ready.then(apply);
      (widget as NotebookPanel).content.model?.cells?.changed.connect(() => window.setTimeout(apply, 0));
    };
    notebooks.widgetAdded.connect((_, panel) => each(panel));
    editors?.widgetAdded.connect((_, widget) => each(widget));
    rights.changed.connect(() => {
      document.body.classList.toggle(VIEWER_CLASS, !rights.mayWrite);
      app.commands.notifyCommandChanged();
    });
  },
};

/** Have commands that the person may not use be disabled, and say why when a shortcut asks for one nevertheless. */
function guardCommands(app: JupyterFrontEnd, rights: Rights): void {
  const { commands } = app;
  const isEnabled = commands.isEnabled.bind(commands);
  const execute = commands.execute.bind(commands);
  const processKey = commands.processKeydownEvent.bind(commands);
  let isKey = false;
  commands.processKeydownEvent = (event: KeyboardEvent) => {
    isKey = true; // Lumino passes over the shortcut of a disabled command without a word
    try {
      processKey(event);
    } finally {
      isKey = false;
    }
  };
  commands.isEnabled = (id: string, args?: ReadonlyPartialJSONObject) =>
    (isKey || !refusal(id, rights)) && isEnabled(id, args);
  commands.execute = (id: string, args?: ReadonlyPartialJSONObject) => {
    const reason = refusal(id, rights);
    if (reason === undefined) return execute(id, args);
    Notification.warning(reason, { autoClose: 5000 });
    return Promise.resolve(undefined);
  };
}

/** Have no kernel be started for those who may not run code: the server would refuse it, and the page complain. */
function guardKernels(app: JupyterFrontEnd, rights: Rights): void {
  const registry = app.docRegistry;
  const preference = registry.getKernelPreference.bind(registry);
  registry.getKernelPreference = (path, factory, kernel) => {
    const usual = preference(path, factory, kernel);
    return (
      usual && {
        ...usual,
        get canStart(): boolean {
          return rights.mayExecute && usual.canStart !== false; // asked when the document has been loaded
        },
      }
    );
  };
}

function applyRights(widget: IDocumentWidget, rights: Rights): void {
  if (widget.isDisposed) return;
  const mayOnlyLook = !rights.mayWrite;
  widget.toggleClass(READ_ONLY_CLASS, mayOnlyLook);
  toggleBanner(widget, mayOnlyLook);
  const content = widget.content as unknown as Partial<NotebookPanel["content"]> & {
    editor?: { setOption(name: "readOnly", value: boolean): void };
  };
  content.widgets?.forEach((cell) => {
    cell.readOnly = mayOnlyLook || cell.model.getMetadata("editable") === false;
  });
  content.editor?.setOption("readOnly", mayOnlyLook);
}

function toggleBanner(widget: IDocumentWidget, wanted: boolean): void {
  if (!(widget instanceof MainAreaWidget)) return;
  const header = (widget as MainAreaWidget).contentHeader;
  const there = header.widgets.find((each) => each.hasClass(BANNER_CLASS));
  if (wanted && !there) {
    const banner = new Widget();
    banner.addClass(BANNER_CLASS);
    banner.node.setAttribute("role", "note");
    banner.node.textContent = BANNER;
    banner.node.title = BANNER; // where there is no room for all of it
    header.addWidget(banner);
  } else if (!wanted) there?.dispose();
}
