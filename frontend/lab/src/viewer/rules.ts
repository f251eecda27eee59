/** Which of JupyterLab's commands somebody who may only look is spared. Pure. */

const CHANGING = [
  /^notebook:(cut|paste|duplicate|delete|insert|move|merge|split|change|undo|redo|replace|to-|toggle-render|enable|clear|clear-all|replace-selection|render)/,
  /^notebook:(create-new|trust|hide|collapse-all$)/,
  /^docmanager:(save|save-as|rename|restore-checkpoint|duplicate|delete|new-untitled)/,
  /^filebrowser:(cut|paste|delete|duplicate|rename|create-new|upload)/,
  /^fileeditor:(create-new|replace-selection|undo|redo|cut|paste|change)/,
  /^(editmenu:(undo|redo|clear)|documentsearch:replace)/,
  /^(launcher:create|application:(cut|paste))/,
  /^collegium:(restore|snapshot-take)/,
];
const RUNNING = [
  /^notebook:(run|restart|interrupt|reconnect|change-kernel|create-console|shutdown)/,
  /^(runmenu:|kernelmenu:|console:|terminal:|debugger:|fileeditor:(run|create-console|restart))/,
  /^collegium:run/,
];

/** Whether the command changes files or documents. */
export const changes = (command: string): boolean => CHANGING.some((pattern) => pattern.test(command));
/** Whether the command runs code, or reaches for a kernel or a terminal. */
export const runs = (command: string): boolean => RUNNING.some((pattern) => pattern.test(command));

/** Why the command is not possible for somebody with these rights, or undefined when it is. */
export function refusal(
  command: string,
  rights: { mayWrite: boolean; mayExecute: boolean },
): string | undefined {
  if (!rights.mayWrite && changes(command)) {
    return "You may look at this project, not change it. Ask one of its owners to make you an editor.";
  }
  if (!rights.mayExecute && runs(command)) {
    return "You may look at this project, not run code in it. Ask one of its owners to make you an editor.";
  }
  return undefined;
}
