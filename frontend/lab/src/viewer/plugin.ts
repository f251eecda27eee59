import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISessionContextDialogs, MainAreaWidget, Notification } from "@jupyterlab/apputils";
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
  optional: [IEditorTracker, ISessionContextDialogs],
  activate: (
    app: JupyterFrontEnd,
    { rights }: ICollegium,
    notebooks: INotebookTracker,
    editors: IEditorTracker | null,
    dialogs: ISessionContextDialogs | null,
  ): void => {
    guardCommands(app, rights);
    guardKernels(app, rights);
    if (dialogs) guardDialogs(dialogs, rights);
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
  commands.isEnabled = (id: string, args?: ReadonlyPartialJSONObject) =>
    // Lumino passes over the shortcut of a disabled command without a word.
    refusal(id, rights) === undefined ? isEnabled(id, args) : isShortcut(args);
  commands.execute = (id: string, args?: ReadonlyPartialJSONObject) => {
    return isRefused(id, rights) ? Promise.resolve(undefined) : execute(id, args);
  };
}

const isShortcut = (args?: ReadonlyPartialJSONObject): boolean =>
  (args?._luminoEvent as { type?: string } | undefined)?.type === "keybinding";

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

/** Have the name of the kernel in a toolbar offer none for choosing to those who may not run code. */
function guardDialogs(dialogs: ISessionContextDialogs, rights: Rights): void {
  const select = dialogs.selectKernel.bind(dialogs);
  const restart = dialogs.restart.bind(dialogs);
  dialogs.selectKernel = async (context) => {
    if (!isRefused("kernelmenu:change", rights)) await select(context);
  };
  dialogs.restart = async (context) => !isRefused("kernelmenu:restart", rights) && restart(context);
}

let told = "";

/** Whether the person may not do it; if so, they are told why, in one notice however often they try. */
function isRefused(command: string, rights: Rights): boolean {
  const reason = refusal(command, rights);
  if (reason === undefined) return false;
  const notice = { message: reason, autoClose: 5000 };
  if (!Notification.update({ id: told, ...notice })) told = Notification.warning(reason, notice);
  return true;
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
