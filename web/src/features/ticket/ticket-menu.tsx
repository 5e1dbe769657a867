import { Ellipsis, GitMerge, History, Link2, PanelRight, Split, UserPlus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Menu, MenuItem } from "@/ui/menu.tsx";
import { useFollow } from "./use-follow.ts";
import type { PanelState } from "./use-panel.ts";

const MergeSheet = lazy(() => import("@/features/links/merge-sheet.tsx"));
const LinkSheet = lazy(() => import("@/features/links/link-sheet.tsx"));
const SplitSheet = lazy(() => import("@/features/links/split-sheet.tsx"));

interface TicketMenuProps {
  ticket: Ticket;
  session: Session;
  panel: PanelState;
}

/** What else can be done with a ticket, as a menu and as commands. */
export function TicketMenu({ ticket, session, panel }: TicketMenuProps) {
  const { t } = useTranslation(["desk", "panel", "links"]);
  const [sheet, setSheet] = useState<"merge" | "link" | "split" | null>(null);
  const follow = useFollow(ticket, session);
  const canMerge = ticket.merged_into === null;
  const followName = follow.isFollowing ? t("panel:command.unfollow") : t("panel:command.follow");
  const merge = () => setSheet("merge");
  const link = () => setSheet("link");
  const split = () => setSheet("split");
  const group = "ticket";
  useCommand({ id: "ticket:merge", group, key: "u", label: t("links:command.merge"), run: merge, enabled: canMerge });
  useCommand({ id: "ticket:link", group, key: "l", label: t("links:command.link"), run: link });
  useCommand({ id: "ticket:split", group, label: t("links:command.split"), run: split });
  useCommand({ id: "ticket:follow", group, key: "f", label: followName, run: follow.toggle });

  const close = () => setSheet(null);
  return (
    <div className="flex shrink-0">
      <Menu trigger={<Ellipsis aria-hidden className="size-4" />} label={t("panel:more")}>
        <MenuItem
          label={t("links:command.merge")}
          icon={<GitMerge aria-hidden className="size-4" />}
          onAction={merge}
          isDisabled={!canMerge}
        />
        <MenuItem label={t("links:command.link")} icon={<Link2 aria-hidden className="size-4" />} onAction={link} />
        <MenuItem label={t("links:command.split")} icon={<Split aria-hidden className="size-4" />} onAction={split} />
        <MenuItem label={followName} icon={<UserPlus aria-hidden className="size-4" />} onAction={follow.toggle} />
        <MenuItem
          label={t("panel:command.history")}
          icon={<History aria-hidden className="size-4" />}
          onAction={() => panel.show("history")}
        />
      </Menu>
      <Button
        look="quiet"
        size="icon"
        aria-label={panel.isOpen ? t("panel:hide") : t("panel:show")}
        aria-expanded={panel.isOpen}
        onClick={() => (panel.isOpen ? panel.hide() : panel.show(panel.tab))}
      >
        <PanelRight aria-hidden className="size-4 rtl:-scale-x-100" />
      </Button>
      <Suspense>
        {sheet === "merge" && <MergeSheet ticket={ticket} onClose={close} />}
        {sheet === "link" && <LinkSheet ticket={ticket} onClose={close} />}
        {sheet === "split" && <SplitSheet ticket={ticket} messageId={null} onClose={close} />}
      </Suspense>
    </div>
  );
}
