import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { makeQueryClient, Providers } from "@/app/App";
import { routeTree } from "@/app/router";

/** Show the whole web app at a path, as a browser would. */
export function renderApp(path: string) {
  const router = createRouter({ routeTree, history: createMemoryHistory({ initialEntries: [path] }) });
  render(
    <Providers client={makeQueryClient()} env="test">
      <RouterProvider router={router as never} />
    </Providers>,
  );
  return { user: userEvent.setup(), path: () => router.state.location.pathname };
}
