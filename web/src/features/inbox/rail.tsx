import { Link } from "@tanstack/react-router";
import { CircleCheck, Inbox, Layers, type LucideIcon, UserRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { VIEWS, type View } from "./views.ts";

const ICONS: Record<View, LucideIcon> = { mine: UserRound, unassigned: Inbox, open: Layers, solved: CircleCheck };

/** The views, beside the list on a wide window and above it on a narrow one. */
export function Rail() {
  const { t } = useTranslation();
  return (
    <nav
      aria-label={t("nav.views")}
      className="flex gap-1 overflow-x-auto border-b border-line p-2 lg:w-48 lg:shrink-0 lg:flex-col lg:border-e lg:border-b-0 lg:p-3"
    >
      {VIEWS.map((view) => {
        const Icon = ICONS[view];
        return (
          <Link
            key={view}
            to="/inbox/$view"
            params={{ view }}
            className="flex h-8 shrink-0 items-center gap-2 rounded-sm px-2 text-sm text-ink-soft transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-selected aria-[current=page]:font-medium aria-[current=page]:text-ink"
          >
            <Icon aria-hidden className="size-4 max-md:hidden" />
            {t(`nav.${view}`)}
          </Link>
        );
      })}
    </nav>
  );
}
