import { Search } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { KeyCaps } from "@/features/commands/key-caps.tsx";
import { useCommand } from "@/features/commands/use-command.ts";
import { useShellCommands } from "@/features/commands/use-shell-commands.ts";
import Bell from "@/features/notifications/bell.tsx";
import PreferencesPopover from "@/features/preferences/preferences-popover.tsx";
import type { Session } from "@/lib/api/types.ts";

const Palette = lazy(() => import("@/features/commands/palette.tsx"));

/** What is at hand on every page; loaded after the page itself. */
export default function Tools({ session }: { session: Session }) {
  const { t } = useTranslation("commands");
  const [finds, setFinds] = useState(false);
  const find = () => setFinds(true);
  useCommand({ id: "palette", group: "desk", key: "Control+k", run: find });
  useShellCommands(session);
  return (
    <div className="ms-auto flex items-center gap-1">
      <button
        type="button"
        onClick={find}
        className="flex h-8 items-center gap-2 rounded-sm px-2 text-sm text-ink-soft transition-colors hover:bg-hover hover:text-ink max-md:hidden"
      >
        <Search aria-hidden className="size-4" />
        <span className="sr-only">{t("palette.label")}</span>
        <KeyCaps keys="Control+k" />
      </button>
      <Bell />
      <PreferencesPopover session={session} />
      <Suspense>{finds && <Palette onClose={() => setFinds(false)} />}</Suspense>
    </div>
  );
}
