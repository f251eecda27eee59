import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/source-serif-4/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./styles.css";

import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { makeQueryClient, Providers } from "./app/App";
import { router } from "./app/router";
import { meQuery, projectsQuery } from "./api/queries";
import { appBase } from "./lib/paths";

// After an update of the platform the files that an open page wants to load next are gone: get the new page, once.
const RELOADED_AT = "collegium-reloaded";
window.addEventListener("vite:preloadError", (event) => {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED_AT) ?? 0) < 60_000) return;
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  event.preventDefault();
  window.location.reload();
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");

// What everybody needs, and what the first page shows, is asked before anything is rendered.
const client = makeQueryClient();
const toldOnThePage = () => undefined;
client.query(meQuery).catch(toldOnThePage);
if (window.location.pathname === appBase && !window.location.search) {
  client.infiniteQuery(projectsQuery("")).catch(toldOnThePage);
}

createRoot(root).render(
  <StrictMode>
    <Providers client={client}>
      <RouterProvider router={router} />
    </Providers>
  </StrictMode>,
);
