import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";
import { startTexts } from "./app/i18n.ts";
import { queryClient } from "./app/query-client.ts";
import { router } from "./app/router.tsx";
import { followReleases } from "./app/stale-code.ts";
import { onSignedOut } from "./lib/api/client.ts";
import "./ui/tokens.css";

followReleases(() => location.reload());

onSignedOut(() => {
  const { pathname, href } = router.state.location;
  if (pathname !== "/sign-in") {
    void router.navigate({ to: "/sign-in", search: { next: href } });
  }
});

function App() {
  const { i18n } = useTranslation();
  return (
    <I18nProvider locale={i18n.language}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nProvider>
  );
}

const element = document.getElementById("root");
if (element === null) {
  throw new Error("index.html has no element with the id root");
}
await startTexts();
createRoot(element).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
