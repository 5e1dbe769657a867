import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  AlarmClock,
  CircleCheck,
  Inbox,
  Layers,
  ListFilter,
  type LucideIcon,
  Moon,
  Plus,
  UserRound,
  UserRoundSearch,
  Users,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Count, KeptView } from "@/lib/api/types.ts";
import { useCountText } from "./count.tsx";
import { useViewName } from "./use-view-name.ts";
import { type StandardView, shownViews, VIEWS } from "./views.ts";
import { countsQuery, viewsQuery } from "./views-query.ts";

const ICONS: Record<StandardView, LucideIcon> = {
  mine: UserRound,
  unassigned: Inbox,
  open: Layers,
  solved: CircleCheck,
  review: UserRoundSearch,
};

/** The views and how many tickets they have, beside the list on a wide window and above it on a narrow one. */
export function Rail() {
  const { t } = useTranslation(["inbox", "desk"]);
  const nameOf = useViewName();
  const views = useQuery(viewsQuery);
  const counts = useQuery(countsQuery);
  const kept = shownViews(views.data ?? []);
  return (
    <nav
      aria-label={t("desk:nav.views")}
      className="flex gap-1 overflow-x-auto border-b border-line p-2 lg:w-52 lg:shrink-0 lg:flex-col lg:overflow-y-auto lg:border-e lg:border-b-0 lg:p-3"
    >
      <Link
        to="/tickets/new"
        className="flex h-8 shrink-0 items-center gap-2 rounded-sm border border-control bg-surface px-2 text-sm text-ink transition-colors hover:bg-hover lg:mb-2"
      >
        <Plus aria-hidden className="size-4 shrink-0" />
        <span className="max-lg:sr-only">{t("new")}</span>
      </Link>
      {VIEWS.map((view) => (
        <ViewLink
          key={view}
          view={view}
          name={t(`desk:nav.${view}`)}
          Icon={ICONS[view]}
          count={counts.data?.get(view)}
        />
      ))}
      {kept.length > 0 && <span aria-hidden className="shrink-0 border-line max-lg:border-s lg:my-2 lg:border-t" />}
      {kept.map((view) => (
        <ViewLink
          key={view.id}
          view={view.id}
          name={nameOf(view)}
          Icon={iconOf(view)}
          count={counts.data?.get(view.id)}
        />
      ))}
    </nav>
  );
}

function iconOf(view: KeptView): LucideIcon {
  const keyed: Record<string, LucideIcon> = { next_due: AlarmClock, snoozed: Moon };
  return keyed[view.key ?? ""] ?? (view.visibility === "personal" ? ListFilter : Users);
}

interface ViewLinkProps {
  view: string;
  name: string;
  Icon: LucideIcon;
  count: Count | undefined;
}

function ViewLink({ view, name, Icon, count }: ViewLinkProps) {
  const { t } = useTranslation("inbox");
  const countText = useCountText();
  return (
    <Link
      to="/inbox/$view"
      params={{ view }}
      className="flex h-8 shrink-0 items-center gap-2 rounded-sm px-2 text-sm text-ink-soft transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-selected aria-[current=page]:font-medium aria-[current=page]:text-ink"
    >
      <Icon aria-hidden className="size-4 shrink-0 max-md:hidden" />
      <bdi className="min-w-0 flex-1 truncate max-lg:max-w-48">{name}</bdi>
      {count && count.count > 0 && (
        <span
          className="text-xs font-normal text-ink-faint tabular-nums"
          title={count.exactness === "about" ? t("count.estimated") : undefined}
        >
          {countText(count)}
        </span>
      )}
    </Link>
  );
}
