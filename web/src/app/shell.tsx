import { Link, Outlet } from "@tanstack/react-router";
import { ChartColumn, Inbox, Settings2, Users } from "lucide-react";
import { lazy, type MouseEvent, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand, useKeyboard } from "@/features/commands/use-command.ts";
import { LiveBanner } from "@/features/live/live-banner.tsx";
import { LiveProvider } from "@/features/live/live-provider.tsx";
import type { Session } from "@/lib/api/types.ts";
import { Wordmark } from "@/ui/wordmark.tsx";

const HelpSheet = lazy(() => import("@/features/commands/help-sheet.tsx"));
const Tools = lazy(() => import("./tools.tsx"));

/** What stands around every page of somebody who is signed in. */
export function Shell({ session }: { session: Session }) {
  useKeyboard();
  const [helps, setHelps] = useState(false);
  useCommand({ id: "help", group: "desk", key: "?", run: () => setHelps(true) });
  return (
    <LiveProvider session={session}>
      <div className="flex h-full flex-col">
        <SkipLink />
        <LiveBanner />
        <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-2 md:gap-4 md:px-4">
          <h1 className="flex">
            <Wordmark />
          </h1>
          {session.role !== "agent" && <Areas />}
          <Suspense fallback={<span className="shimmer ms-auto size-8" />}>
            <Tools session={session} />
          </Suspense>
        </header>
        <Outlet />
      </div>
      <Suspense>{helps && <HelpSheet onClose={() => setHelps(false)} />}</Suspense>
    </LiveProvider>
  );
}

/** The first stop of the Tab key: past everything that stands on every page. */
function SkipLink() {
  const { t } = useTranslation();
  const skip = (event: MouseEvent) => {
    event.preventDefault();
    const main = document.querySelector("main");
    main?.setAttribute("tabindex", "-1");
    main?.focus();
  };
  return (
    // biome-ignore lint/a11y/useValidAnchor: it goes to a place in the page, which the router must not take for an address
    <a
      href="#main"
      onClick={skip}
      className="fixed start-2 top-2 z-10 -translate-y-16 rounded-sm bg-accent px-3 py-2 text-sm font-medium text-on-accent focus:translate-y-0"
    >
      {t("nav.skip")}
    </a>
  );
}

const AREA =
  "flex h-8 items-center gap-2 rounded-sm px-2 text-sm text-ink-soft transition-colors hover:bg-hover hover:text-ink aria-[current=page]:font-medium aria-[current=page]:text-ink";

const AREAS = [
  { to: "/inbox", name: "inbox", icon: Inbox },
  { to: "/reports", name: "reports", icon: ChartColumn },
  { to: "/team", name: "team", icon: Users },
  { to: "/admin", name: "admin", icon: Settings2 },
] as const;

/** The ways between the parts of the desk, for those who may see more than tickets. Narrow screens show the signs. */
function Areas() {
  const { t } = useTranslation();
  return (
    <nav aria-label={t("nav.areas")} className="flex min-w-0 flex-1 gap-1">
      {AREAS.map(({ to, name, icon: Icon }) => (
        <Link key={to} to={to} className={AREA}>
          <Icon aria-hidden className="size-4 shrink-0" />
          <span className="sr-only md:not-sr-only">{t(`nav.${name}`)}</span>
        </Link>
      ))}
    </nav>
  );
}
