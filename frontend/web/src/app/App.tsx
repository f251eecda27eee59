import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { asApiError } from "@/api/errors";
import { cssVariablesResolver, theme } from "@/theme";

// The same key as in public/color-scheme.js and in the hub's pages.
const colorSchemes = localStorageColorSchemeManager({ key: "collegium-color-scheme" });

/** Make the cache of what the API answered. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: (failures, error) => failures < 2 && asApiError(error).isTemporary },
    },
  });
}

interface Props {
  client: QueryClient;
  /** "test" shows menus and dialogs at once, without transitions. */
  env?: "default" | "test";
  children: ReactNode;
}

/** Everything that the pages stand on. */
export function Providers({ client, env = "default", children }: Props) {
  return (
    <MantineProvider
      env={env}
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        {children}
      </QueryClientProvider>
    </MantineProvider>
  );
}
