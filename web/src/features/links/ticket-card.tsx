import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import type { TicketRow } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { beginningQuery } from "./queries.ts";

/** A ticket at one glance, to be sure that it is the right one. */
export function TicketCard({ title, ticket }: { title: string; ticket: TicketRow }) {
  const { t, i18n } = useTranslation();
  const beginning = useQuery(beginningQuery(ticket.id));
  return (
    <section
      aria-label={`${title}: #${ticket.number}`}
      className="flex min-w-0 flex-col gap-1 rounded-md border border-line bg-surface p-3"
    >
      <h3 className="text-xs font-medium text-ink-soft">{title}</h3>
      <p className="text-sm font-medium break-words">
        <span className="text-ink-faint tabular-nums">#{ticket.number}</span>{" "}
        <bdi>{ticket.subject || t("ticket.noSubject")}</bdi>
      </p>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-ink-soft">
        <StatusBadge status={ticket.status} />
        <bdi>{ticket.requester.name || t("ticket.nameless")}</bdi>
        <time dateTime={ticket.created_at}>{formatExact(ticket.created_at, i18n.language)}</time>
      </p>
      <p dir="auto" className="page-start line-clamp-3 text-xs break-words text-ink-soft">
        {beginning.data}
      </p>
    </section>
  );
}
