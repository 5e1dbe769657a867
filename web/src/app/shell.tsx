import { Outlet } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useCommand, useKeyboard } from "@/features/commands/use-command.ts";
import { LiveBanner } from "@/features/live/live-banner.tsx";
import { LiveProvider } from "@/features/live/live-provider.tsx";
import type { Session } from "@/lib/api/types.ts";
import { Wordmark } from "@/ui/wordmark.tsx";

const HelpSheet = lazy(() => import("@/features/commands/help-sheet.tsx"));
const PreferencesPopover = lazy(() => import("@/features/preferences/preferences-popover.tsx"));

/** What stands around every page of somebody who is signed in. */
export function Shell({ session }: { session: Session }) {
  useKeyboard();
  const [helps, setHelps] = useState(false);
  useCommand("help", "?", () => setHelps(true));
  return (
    <LiveProvider session={session}>
      <div className="flex h-full flex-col">
        <LiveBanner />
        <header className="flex h-12 shrink-0 items-center justify-between border-b border-line px-4">
          <h1 className="flex">
            <Wordmark />
          </h1>
          <Suspense fallback={<span className="shimmer size-8" />}>
            <PreferencesPopover session={session} />
          </Suspense>
        </header>
        <Outlet />
      </div>
      <Suspense>{helps && <HelpSheet onClose={() => setHelps(false)} />}</Suspense>
    </LiveProvider>
  );
}
