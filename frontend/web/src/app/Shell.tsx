import { Alert, Group, Modal, Stack, VisuallyHidden } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconKey, IconSpeakerphone } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { currentAnnouncementsQuery } from "@/api/accounts";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { Brand } from "@/components/Brand";
import { ColorSchemeToggle } from "@/components/ColorSchemeToggle";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { ShortcutList } from "@/components/ShortcutList";
import { signOutUrl } from "@/lib/paths";
import { SHORTCUTS } from "@/lib/shortcuts";
import { setTimeZone } from "@/lib/time";
import { UserMenu } from "./UserMenu";

/** What all pages share: header, notices, the place for the page. */
export function Shell() {
  const me = useQuery(meQuery);
  const navigate = useNavigate();
  setTimeZone(me.data?.time_zone ?? "");
  const [helpShown, help] = useDisclosure(false);
  const main = useFocusOnNewPage();
  useHotkeys([
    ["shift+?", help.toggle],
    ["?", help.toggle],
    [SHORTCUTS.projects.keys, () => void navigate({ to: "/" })],
    [SHORTCUTS.account.keys, () => void navigate({ to: "/account" })],
  ]);

  return (
    <>
      <a href="#main" className="skip-link">
        Skip to the content
      </a>
      <Header me={me.data} />
      <Announcements />
      <main id="main" className="page" ref={main} tabIndex={-1}>
        {me.isError ? (
          <Stack>
            <ProblemAlert error={me.error} onRetry={me.refetch} />
            <a href={signOutUrl}>Sign out</a>
          </Stack>
        ) : (
          // The page loads beside the account, but is not shown to somebody who is about to be sent to sign in.
          <Stack gap="lg" {...(me.isPending ? { style: { visibility: "hidden" } } : {})}>
            {me.data?.has_password === false && <PasswordNotice />}
            <Outlet />
          </Stack>
        )}
      </main>
      <Modal opened={helpShown} onClose={help.close} title="Keyboard shortcuts">
        <ShortcutList />
      </Modal>
    </>
  );
}

function Header({ me }: { me: Me | undefined }) {
  const { pathname } = useLocation();
  const section = pathname === "/" ? "projects" : pathname.split("/")[1];
  return (
    <header className="header">
      <div className="header-inner">
        <Brand />
        <Group component="nav" aria-label="Main" gap="xs" ml="md" flex={1} h="100%">
          <Group gap="xs" visibleFrom="xs">
            <Link to="/" className="nav-link" aria-current={section === "projects" ? "page" : undefined}>
              Projects
            </Link>
            <Link
              to="/courses"
              className="nav-link"
              aria-current={section === "courses" ? "page" : undefined}
            >
              Courses
            </Link>
            {me?.is_admin && (
              <Link
                to="/admin/users"
                className="nav-link"
                aria-current={section === "admin" ? "page" : undefined}
              >
                Administration
              </Link>
            )}
          </Group>
        </Group>
        <ColorSchemeToggle />
        {me ? <UserMenu me={me} /> : <VisuallyHidden>Loading your account</VisuallyHidden>}
      </div>
    </header>
  );
}

/** What the administrators tell everybody, until the reader puts it away in this tab. */
function Announcements() {
  const { data } = useQuery(currentAnnouncementsQuery);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const shown = data?.items.filter(({ id }) => !hidden.includes(id)) ?? [];
  if (shown.length === 0) return null;
  return (
    <section className="announcements" aria-label="Announcements">
      {shown.map(({ id, text, level }) => (
        <Alert
          key={id}
          color={level === "warning" ? "yellow" : "ink"}
          icon={<IconSpeakerphone />}
          py="sm"
          withCloseButton
          closeButtonLabel="Put away"
          onClose={() => setHidden([...hidden, id])}
          style={{ whiteSpace: "pre-line" }}
        >
          {text}
        </Alert>
      ))}
    </section>
  );
}

/** Ask to set a password, except where it is set and where the person is only passing through. */
function PasswordNotice() {
  const { pathname } = useLocation();
  if (pathname === "/account" || pathname.endsWith("/open")) return null;
  return (
    <Alert color="yellow" icon={<IconKey />} py="sm">
      You signed in with a link that works only once.{" "}
      <TextLink to="/account" hash="password" inherit c="inherit" fw={600}>
        Set a password
      </TextLink>{" "}
      to be able to come back.
    </Alert>
  );
}

/** Move the focus to the page when it changes, as a page load would. */
function useFocusOnNewPage() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const last = useRef(pathname);
  useEffect(() => {
    if (last.current !== pathname) main.current?.focus({ preventScroll: true });
    last.current = pathname;
  }, [pathname]);
  return main;
}
