import { createRoute, lazyRouteComponent, type AnyRootRoute } from "@tanstack/react-router";
import { textParameter } from "@/lib/searchParameters";

/** The question of a learning platform which activities to add, sealed, and whether it takes several. */
interface Choice {
  choice?: string;
  several?: boolean;
}

const choiceOf = (search: Record<string, unknown>): Choice => ({
  ...textParameter(search, "choice"),
  ...(search.several === true ? { several: true } : {}),
});

/** The pages of courses, loaded when somebody goes there. */
export function courseRoutes<R extends AnyRootRoute>(root: R) {
  const courses = createRoute({
    getParentRoute: () => root,
    path: "/courses",
    component: lazyRouteComponent(() => import("./CoursesPage"), "CoursesPage"),
  });
  const join = createRoute({
    getParentRoute: () => root,
    path: "/courses/join",
    validateSearch: (search: Record<string, unknown>): { token?: string } => textParameter(search, "token"),
    component: lazyRouteComponent(() => import("./JoinPage"), "JoinPage"),
  });
  const connect = createRoute({
    getParentRoute: () => root,
    path: "/courses/connect",
    validateSearch: (search: Record<string, unknown>): { token?: string } & Choice => ({
      ...textParameter(search, "token"),
      ...choiceOf(search),
    }),
    component: lazyRouteComponent(() => import("./ConnectPage"), "ConnectPage"),
  });
  const activities = createRoute({
    getParentRoute: () => root,
    path: "/courses/$courseId/activities",
    validateSearch: choiceOf,
    component: lazyRouteComponent(() => import("./AddActivitiesPage"), "AddActivitiesPage"),
  });
  const course = createRoute({
    getParentRoute: () => root,
    path: "/courses/$courseId",
    validateSearch: (search: Record<string, unknown>): { tab?: string; assignment?: string } => ({
      ...textParameter(search, "tab"),
      ...textParameter(search, "assignment"),
    }),
    component: lazyRouteComponent(() => import("./CoursePage"), "CoursePage"),
  });
  const ownSubmission = createRoute({
    getParentRoute: () => root,
    path: "/courses/$courseId/submissions/$submissionId",
    component: lazyRouteComponent(() => import("./SubmissionPage"), "SubmissionPage"),
  });
  const marking = createRoute({
    getParentRoute: () => root,
    path: "/courses/$courseId/assignments/$assignment/marking",
    validateSearch: (search: Record<string, unknown>): { submission?: number; question?: string } => ({
      ...(Number.isInteger(search.submission) ? { submission: Number(search.submission) } : {}),
      ...textParameter(search, "question"),
    }),
    component: lazyRouteComponent(() => import("./MarkingPage"), "MarkingPage"),
  });
  return [courses, join, connect, activities, course, ownSubmission, marking] as const;
}
