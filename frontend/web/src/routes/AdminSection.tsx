import { Group, Skeleton } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";

/** What the pages of the administration share: who may see them, and the way from one to the other. */
export function AdminSection({ children }: { children: (me: Me) => ReactNode }) {
  const { data: me } = useQuery(meQuery);
  if (!me) return <Skeleton height={300} />;
  if (!me.is_admin) return <AdministratorsOnly />;
  return (
    <>
      <Group component="nav" aria-label="Administration" gap="xs" ml="-0.7rem">
        <Link to="/admin/users" className="nav-link">
          Users
        </Link>
        <Link to="/admin/projects" className="nav-link">
          All projects
        </Link>
        <Link to="/admin/announcements" className="nav-link">
          Announcements
        </Link>
        <Link to="/admin/learning-platforms" className="nav-link">
          Learning platforms
        </Link>
        <Link to="/admin/audit" className="nav-link">
          Audit log
        </Link>
      </Group>
      {children(me)}
    </>
  );
}

function AdministratorsOnly() {
  return (
    <EmptyState order={1} title="For administrators" icon={<IconShieldLock size={44} stroke={1.2} />}>
      This page manages the platform. Ask an administrator if you need something here.
    </EmptyState>
  );
}
