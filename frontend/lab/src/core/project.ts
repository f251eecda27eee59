import { PageConfig } from "@jupyterlab/coreutils";

/** The project that this page belongs to, as its server tells; empty outside of the platform. */
export const projectId = PageConfig.getOption("collegiumProject");
/** Address of the platform's API, as seen from this page. */
export const apiPath = PageConfig.getOption("collegiumApi");
/** Whether this page is in an origin of its project's own, where no cookie of the platform is sent. */
export const isOwnOrigin = /^https?:/.test(apiPath);
/** Address of the platform's web app, with a final slash. */
export const webPath = apiPath.replace(/api$/, "");
/** The project's page in the web app. */
export const projectPage = `${webPath}projects/${projectId}`;
