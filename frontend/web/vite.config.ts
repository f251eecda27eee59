import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Address of a running platform that `npm run dev` takes the API from. */
const platform = process.env.COLLEGIUM_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/services/collegium/",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The pages' Content-Security-Policy lets fonts come from the platform only, not from data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800, // the first file, not compressed
    rolldownOptions: {
      output: {
        // What the first page needs is one file: browsers ask a platform for six at a time, without HTTP/2.
        codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] },
        // The hub's sign-in pages use the same fonts, so their addresses stay the same from build to build.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".woff2"))
            ? "assets/fonts/[name][extname]"
            : "assets/[name]-[hash][extname]",
      },
    },
  },
  server: {
    proxy: {
      "/services/collegium/api": platform,
      "/services/collegium/login": platform,
      "/services/collegium/oauth_callback": platform,
      "/hub": platform,
      "/user": { target: platform, ws: true },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
    isolate: false, // one page for all files, cleaned after each test: half of the time goes into making pages
    testTimeout: 20_000,
  },
});
