import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { firstSection, isSection as isAdminSection } from "@/features/admin/sections.ts";
import { DEFAULT_VIEW, inboxSearch, isView } from "@/features/inbox/views.ts";
import { checkedSearch, isSection } from "@/features/mail/sections.ts";
import { checkedReport } from "@/features/reports/search.ts";
import { sessionQuery } from "@/features/session/session.ts";
import { statusOf } from "@/lib/api/problem.ts";
import { Notice } from "@/ui/notice.tsx";
import { queryClient } from "./query-client.ts";
import { Shell } from "./shell.tsx";
import { isCodeGone } from "./stale-code.ts";

const AdminPage = lazy(() => import("@/features/admin/admin-page.tsx"));
const GalleryPage = lazy(() => import("@/features/gallery/gallery-page.tsx"));
const NotFoundPage = lazy(() => import("./not-found.tsx"));
const ReportsPage = lazy(() => import("@/features/reports/reports-page.tsx"));
const TeamPage = lazy(() => import("@/features/team/team-page.tsx"));
const loadInbox = () => import("@/features/inbox/inbox-page.tsx");
const InboxPage = lazy(loadInbox);
const MailPage = lazy(() => import("@/features/mail/mail-page.tsx"));
const NewTicketPage = lazy(() => import("@/features/new-ticket/new-ticket-page.tsx"));
const SignInPage = lazy(() => import("@/features/session/sign-in-page.tsx"));

// Where the desk opens, the list's code is fetched while the session is asked for.
if (/^\/(inbox|$)/.test(location.pathname)) {
  void loadInbox();
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Failed });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: function SignIn() {
    return (
      <Suspense>
        <SignInPage />
      </Suspense>
    );
  },
  validateSearch: (search: Record<string, unknown>): { next?: string; token?: string } => {
    const { next, token } = search;
    return {
      // Only a path of our own: anything else would make the sign-in page a door to other sites.
      ...(typeof next === "string" && /^\/(?![/\\])/.test(next) && { next }),
      ...(typeof token === "string" && { token }),
    };
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

const inboxHome = createRoute({
  getParentRoute: () => desk,
  path: "/inbox",
  beforeLoad: () => {
    throw redirect({ to: "/inbox/$view", params: { view: DEFAULT_VIEW } });
  },
});

const inbox = createRoute({
  getParentRoute: () => desk,
  path: "/inbox/$view",
  validateSearch: inboxSearch,
  beforeLoad: ({ params }) => {
    if (!isView(params.view)) {
      throw redirect({ to: "/inbox/$view", params: { view: DEFAULT_VIEW } });
    }
  },
  component: function Inbox() {
    const { session } = desk.useRouteContext();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <InboxPage session={session} />
      </Suspense>
    );
  },
});

const newTicket = createRoute({
  getParentRoute: () => desk,
  path: "/tickets/new",
  component: function NewTicket() {
    const { session } = desk.useRouteContext();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <NewTicketPage session={session} />
      </Suspense>
    );
  },
});

const mailHome = createRoute({
  getParentRoute: () => desk,
  path: "/admin/mail",
  beforeLoad: () => {
    throw redirect({ to: "/admin/mail/$section", params: { section: "mailboxes" } });
  },
});

const mail = createRoute({
  getParentRoute: () => desk,
  path: "/admin/mail/$section",
  validateSearch: checkedSearch,
  beforeLoad: ({ params }) => {
    if (!isSection(params.section)) {
      throw redirect({ to: "/admin/mail" });
    }
  },
  component: function Mail() {
    const { session } = desk.useRouteContext();
    const { section } = mail.useParams();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <MailPage session={session} section={isSection(section) ? section : "mailboxes"} search={mail.useSearch()} />
      </Suspense>
    );
  },
});

const reportsHome = createRoute({
  getParentRoute: () => desk,
  path: "/reports",
  beforeLoad: () => {
    throw redirect({ to: "/reports/overview" });
  },
});

const reports = createRoute({
  getParentRoute: () => desk,
  path: "/reports/overview",
  validateSearch: checkedReport,
  component: function Reports() {
    const { session } = desk.useRouteContext();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <ReportsPage session={session} search={reports.useSearch()} />
      </Suspense>
    );
  },
});

const team = createRoute({
  getParentRoute: () => desk,
  path: "/team",
  component: function Team() {
    const { session } = desk.useRouteContext();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <TeamPage session={session} />
      </Suspense>
    );
  },
});

const adminHome = createRoute({
  getParentRoute: () => desk,
  path: "/admin",
  beforeLoad: ({ context: { session } }) => {
    throw redirect({ to: "/admin/$section", params: { section: firstSection(session.role) } });
  },
});

const admin = createRoute({
  getParentRoute: () => desk,
  path: "/admin/$section",
  beforeLoad: ({ params }) => {
    if (!isAdminSection(params.section)) {
      throw redirect({ to: "/admin" });
    }
  },
  component: function Admin() {
    const { session } = desk.useRouteContext();
    const { section } = admin.useParams();
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        {isAdminSection(section) && <AdminPage session={session} section={section} />}
      </Suspense>
    );
  },
});

const gallery = createRoute({
  getParentRoute: () => desk,
  path: "/gallery",
  beforeLoad: ({ context: { session } }) => {
    if (session.role !== "admin" && !import.meta.env.DEV) {
      throw redirect({ to: "/" });
    }
  },
  component: function Gallery() {
    return (
      <Suspense fallback={<main className="min-h-0 flex-1" />}>
        <GalleryPage />
      </Suspense>
    );
  },
});

const pages = [
  home,
  inboxHome,
  inbox,
  newTicket,
  reportsHome,
  reports,
  team,
  adminHome,
  mailHome,
  mail,
  admin,
  gallery,
];
export const router = createRouter({ routeTree: root.addChildren([signIn, desk.addChildren(pages)]) });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <Suspense>
      <NotFoundPage />
    </Suspense>
  );
}

function Failed({ reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const retry = () => {
    if (isCodeGone()) {
      location.reload();
      return;
    }
    reset();
    void router.invalidate();
  };
  return (
    <Notice isError title={t("app.failed")} onRetry={retry}>
      {t("app.failedHint")}
    </Notice>
  );
}
