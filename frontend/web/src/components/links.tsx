import { ActionIcon, Anchor, Button, Menu } from "@mantine/core";
import type { ActionIconProps, AnchorProps, ButtonProps, MenuItemProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentProps } from "react";

type AnchorElement = Omit<ComponentProps<"a">, "color" | "style">;

/** A button that leads to a page of the web app (a true link: it can be opened in a new tab). */
export const LinkButton = createLink((props: ButtonProps & AnchorElement) => (
  <Button component="a" {...props} />
));

/** A link in running text. */
export const TextLink = createLink((props: AnchorProps & AnchorElement) => <Anchor {...props} />);

/** An entry of a menu that leads to a page. */
export const MenuLink = createLink((props: MenuItemProps & AnchorElement) => (
  <Menu.Item component="a" {...props} />
));

/** An icon that leads to a page; give it an `aria-label`. */
export const LinkIcon = createLink((props: ActionIconProps & AnchorElement) => (
  <ActionIcon component="a" {...props} />
));
