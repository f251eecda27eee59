import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, Notification } from "@jupyterlab/apputils";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IMarkdownParser, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import React from "react";

import { chatIcon, commentIcon } from "../core/icons";
import { CATEGORY, ICollegium } from "../core/token";
import { Panel } from "../core/view";
import { ChatPanel } from "./chat";
import { CommentsPanel } from "./comments";
import { markCommentedCells } from "./marks";
import type { Message, Thread } from "./model";
import type { Talk } from "./parts";

const COMMENTS = "collegium-comments";
const CHAT = "collegium-chat";
const COMMANDS = { comment: "collegium:comment", chat: "collegium:chat" };

/** Comments on cells and the project's chat. */
export const talkPlugin: JupyterFrontEndPlugin<void> = {
  id: "@collegium/lab:talk",
  description: "Comments on cells, and a chat for the project.",
  autoStart: true,
  requires: [ICollegium, ILabShell, INotebookTracker, IRenderMimeRegistry],
  optional: [IMarkdownParser, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    collegium: ICollegium,
    shell: ILabShell,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    markdown: IMarkdownParser | null,
    palette: ICommandPalette | null,
  ): void => {
    const talk: Talk = { collegium, rendermime, markdown };
    shell.add(new Panel(COMMENTS, "Comments", commentIcon, () => <CommentsPanel talk={talk} />), "right", {
      rank: 310,
    });
    shell.add(new Panel(CHAT, "Chat", chatIcon, () => <ChatPanel talk={talk} />), "right", { rank: 320 });
    const show = (id: string) => {
      shell.activateById(id);
      window.setTimeout(
        () =>
          document
            .querySelector<HTMLElement>(
              `#${id} .collegium-Panel-body > .collegium-Composer textarea, #${id} .collegium-Panel-foot textarea`,
            )
            ?.focus(),
        100,
      );
    };
    app.commands.addCommand(COMMANDS.comment, {
      label: "Comment on This Cell",
      icon: commentIcon,
      execute: () => show(COMMENTS),
    });
    app.commands.addCommand(COMMANDS.chat, { label: "Chat", icon: chatIcon, execute: () => show(CHAT) });
    app.commands.addKeyBinding({ command: COMMANDS.comment, keys: ["Accel Alt M"], selector: "body" });
    Object.values(COMMANDS).forEach((command) => palette?.addItem({ command, category: CATEGORY }));
    app.contextMenu.addItem({ command: COMMANDS.comment, selector: ".jp-Notebook .jp-Cell", rank: 12 });
    markCommentedCells(notebooks, collegium, () => show(COMMENTS));
    tellOfMentions(collegium, show);
  },
};

/** Tell somebody who is mentioned, wherever in the project they are. */
function tellOfMentions(collegium: ICollegium, show: (id: string) => void): void {
  collegium.events.received.connect((_, event) => {
    const message =
      event.type === "chat"
        ? (event.message as Message)
        : event.type === "comment"
          ? last(event.thread as Thread)
          : undefined;
    const own = collegium.rights.username;
    if (!message || message.author === own || message.edited !== null || !message.mentions.includes(own))
      return;
    Notification.info(`${message.display_name}: ${message.text.slice(0, 120)}`, {
      autoClose: 10_000,
      actions: [{ label: "Read", callback: () => show(event.type === "chat" ? CHAT : COMMENTS) }],
    });
  });
}

const last = (thread: Thread): Message | undefined => thread.messages[thread.messages.length - 1];
