import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { InboxPage } from "@/features/inbox/inbox-page.tsx";
import { DEFAULT_VIEW, isView } from "@/features/inbox/views.ts";
import { sessionQuery } from "@/features/session/session.ts";
import { SignInPage } from "@/features/session/sign-in-page.tsx";
import { statusOf } from "@/lib/api/problem.ts";
import { Notice } from "@/ui/notice.tsx";
import { queryClient } from "./query-client.ts";
import { Shell } from "./shell.tsx";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Failed });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: SignInPage,
  validateSearch: (search: Record<string, unknown>): { next?: string } => {
    const { next } = search;
    // Only a path of our own: anything else would make the sign-in page a door to other sites.
    return typeof next === "string" && /^\/(?![/\\])/.test(next) ? { next } : {};
  },
});

const desk = createRoute({
  getParentRoute: () => root,
  id: "desk",
  beforeLoad: async ({ location }) => {
    try {
      return { session: await queryClient.ensureQueryData(sessionQuery) };
    } catch (error) {
      if (statusOf(error) === 401) {
        throw redirect({ to: "/sign-in", search: { next: location.href } });
      }
      throw error;
    }
  },
  component: function Desk() {
    const { session } = desk.useRouteContext();
    return <Shell session={session} />;
  },
});

const home = createRoute({
  getParentRoute: () => desk,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/inbox/$view", params: { view: DEFAULT_VIEW } });
  },
});

const inbox = createRoute({
  getParentRoute: () => desk,
  path: "/inbox/$view",
  validateSearch: (search: Record<string, unknown>): { ticket?: string } =>
    typeof search.ticket === "string" ? { ticket: search.ticket } : {},
  beforeLoad: ({ params }) => {
    if (!isView(params.view)) {
      throw redirect({ to: "/inbox/$view", params: { view: DEFAULT_VIEW } });
    }
  },
  component: function Inbox() {
    const { session } = desk.useRouteContext();
    return <InboxPage session={session} />;
  },
});

export const router = createRouter({ routeTree: root.addChildren([signIn, desk.addChildren([home, inbox])]) });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  const { t } = useTranslation();
  return <Notice title={t("app.notFound")} />;
}

function Failed({ reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Notice isError title={t("app.failed")} onRetry={retry}>
      {t("app.failedHint")}
    </Notice>
  );
}
