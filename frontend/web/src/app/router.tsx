import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import type { View } from "@/api/types";
import { appBase } from "@/lib/paths";
import { choice, textParameter } from "@/lib/searchParameters";
import { courseRoutes } from "@/routes/courses/courseRoutes";
import { ProjectsPage } from "@/routes/ProjectsPage";
import { PROJECT_TABS, type ProjectTab } from "@/lib/projectTabs";
import { BrokenPage, NotFoundPage } from "./problems";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Shell });

const projects = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (search): { q?: string; view?: View } => ({
    ...textParameter(search, "q"),
    ...choice(search, "view", ["starred", "archived", "trash"] as const),
  }),
  component: ProjectsPage, // where people arrive: its code comes with the first file
});

const project = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId",
  validateSearch: (search): { tab?: ProjectTab; folder?: string; find?: string } => ({
    ...choice(search, "tab", PROJECT_TABS),
    ...textParameter(search, "folder"),
    ...textParameter(search, "find"),
  }),
  component: lazyRouteComponent(() => import("@/routes/ProjectPage"), "ProjectPage"),
});

const openProject = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/open",
  validateSearch: (search): { path?: string } => textParameter(search, "path"),
  component: lazyRouteComponent(() => import("@/routes/OpenProjectPage"), "OpenProjectPage"),
});

const runs = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/runs",
  component: lazyRouteComponent(() => import("@/routes/runs/RunsPage"), "RunsPage"),
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/runs/$runId",
  validateSearch: (search): { step?: string; index?: number } => ({
    ...textParameter(search, "step"),
    ...(Number.isInteger(search.index) ? { index: Number(search.index) } : {}),
  }),
  component: lazyRouteComponent(() => import("@/routes/runs/RunPage"), "RunPage"),
});

const compareRuns = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/compare-runs",
  validateSearch: (search): { a?: string; b?: string } => ({
    ...textParameter(search, "a"),
    ...textParameter(search, "b"),
  }),
  component: lazyRouteComponent(() => import("@/routes/runs/ComparePage"), "ComparePage"),
});

const experiments = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/experiments",
  component: lazyRouteComponent(() => import("@/routes/runs/ExperimentsPage"), "ExperimentsPage"),
});

const experiment = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/experiments/$name",
  component: lazyRouteComponent(() => import("@/routes/runs/ExperimentPage"), "ExperimentPage"),
});

const viewFile = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/view",
  validateSearch: (search): { path?: string } => textParameter(search, "path"),
  component: lazyRouteComponent(() => import("@/routes/project/ViewFilePage"), "ViewFilePage"),
});

const join = createRoute({
  getParentRoute: () => root,
  path: "/join/$token",
  component: lazyRouteComponent(() => import("@/routes/sharing/JoinPage"), "JoinPage"),
});

const copyPublication = createRoute({
  getParentRoute: () => root,
  path: "/copy",
  validateSearch: (search): { from?: string } => textParameter(search, "from"),
  component: lazyRouteComponent(() => import("@/routes/sharing/CopyPage"), "CopyPage"),
});

const published = createRoute({
  getParentRoute: () => root,
  path: "/published",
  validateSearch: (search): { q?: string } => textParameter(search, "q"),
  component: lazyRouteComponent(() => import("@/routes/sharing/PublishedPage"), "PublishedPage"),
});

const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  component: lazyRouteComponent(() => import("@/routes/AccountPage"), "AccountPage"),
});

const admin = createRoute({
  getParentRoute: () => root,
  path: "/admin",
  beforeLoad: () => {
    // The router's own way to leave for another page.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw redirect({ to: "/admin/users" });
  },
});

const users = createRoute({
  getParentRoute: () => root,
  path: "/admin/users",
  component: lazyRouteComponent(() => import("@/routes/UsersPage"), "UsersPage"),
});

const allProjects = createRoute({
  getParentRoute: () => root,
  path: "/admin/projects",
  validateSearch: (search): { q?: string } => textParameter(search, "q"),
  component: lazyRouteComponent(() => import("@/routes/AllProjectsPage"), "AllProjectsPage"),
});

const announcements = createRoute({
  getParentRoute: () => root,
  path: "/admin/announcements",
  component: lazyRouteComponent(() => import("@/routes/AnnouncementsPage"), "AnnouncementsPage"),
});

const learningPlatforms = createRoute({
  getParentRoute: () => root,
  path: "/admin/learning-platforms",
  component: lazyRouteComponent(
    () => import("@/routes/admin/LearningPlatformsPage"),
    "LearningPlatformsPage",
  ),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/admin/audit",
  component: lazyRouteComponent(() => import("@/routes/AuditPage"), "AuditPage"),
});

const help = createRoute({
  getParentRoute: () => root,
  path: "/help",
  component: lazyRouteComponent(() => import("@/routes/HelpPage"), "HelpPage"),
});

export const routeTree = root.addChildren([
  ...courseRoutes(root),
  projects,
  project,
  openProject,
  viewFile,
  join,
  copyPublication,
  published,
  runs,
  run,
  compareRuns,
  experiments,
  experiment,
  account,
  admin,
  users,
  allProjects,
  announcements,
  learningPlatforms,
  audit,
  help,
]);

export const router = createRouter({
  routeTree,
  basepath: appBase,
  defaultPreload: "intent",
  defaultNotFoundComponent: NotFoundPage,
  defaultErrorComponent: BrokenPage,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
