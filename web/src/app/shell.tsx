import { Outlet } from "@tanstack/react-router";
import { HelpSheet } from "@/features/commands/help-sheet.tsx";
import { useKeyboard } from "@/features/commands/use-command.ts";
import { LiveBanner } from "@/features/live/live-banner.tsx";
import { LiveProvider } from "@/features/live/live-provider.tsx";
import { PreferencesPopover } from "@/features/preferences/preferences-popover.tsx";
import type { Session } from "@/lib/api/types.ts";
import { Wordmark } from "@/ui/wordmark.tsx";

/** What stands around every page of somebody who is signed in. */
export function Shell({ session }: { session: Session }) {
  useKeyboard();
  return (
    <LiveProvider session={session}>
      <div className="flex h-full flex-col">
        <LiveBanner />
        <header className="flex h-12 shrink-0 items-center justify-between border-b border-line px-4">
          <Wordmark />
          <PreferencesPopover session={session} />
        </header>
        <Outlet />
      </div>
      <HelpSheet />
    </LiveProvider>
  );
}
