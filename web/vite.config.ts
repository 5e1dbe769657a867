import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { reactAriaStrings } from "./build/react-aria-strings.ts";

const edge = process.env.DESK_PUBLIC_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss(), reactAriaStrings()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    // light-dark() and oklch() natively: the oldest browsers that have both.
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // Nothing inlined: the content security policy allows neither data: scripts nor inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "manifest.json",
    rolldownOptions: {
      output: {
        // What every page needs, in two pieces: dozens of tiny ones cost more to ask for, and compress worse.
        codeSplitting: {
          groups: [
            {
              name: "vendor",
              test: /node_modules\/(react|react-dom|scheduler|@tanstack|i18next|react-i18next|openapi-fetch)\//,
            },
            {
              name: "house",
              test: /src\/(lib\/(format|labels|lists|storage|conditions|api\/(authorised-fetch|client|problem))|features\/(live|session\/session|commands\/(registry|use-command))|ui\/(button|badge|notice|wordmark|tokens)|app\/(i18n|query-client))\b/,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      // The edge checks Origin on unsafe methods and on the socket, so it must see its own.
      "/api": { target: edge, changeOrigin: true, ws: true, headers: { origin: edge } },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
