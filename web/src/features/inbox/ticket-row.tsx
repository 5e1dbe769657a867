import { useTranslation } from "react-i18next";
import { SlaBadge } from "@/features/sla/sla-badge.tsx";
import { PriorityMark } from "@/features/ticket/priority-mark.tsx";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import type { TicketRow as Ticket } from "@/lib/api/types.ts";
import { formatExact, formatWhen, languageName } from "@/lib/format.ts";

/** What a row shows of a ticket: who, what, since when, and how long there still is. */
export function TicketRow({ ticket }: { ticket: Ticket }) {
  const { t, i18n } = useTranslation();
  const when = ticket.last_message_at ?? ticket.created_at;
  return (
    <>
      <div className="flex items-baseline gap-2 text-xs text-ink-faint">
        <span className="min-w-0 flex-1 truncate text-sm text-ink-soft">
          <bdi>{ticket.requester.name || t("ticket.nameless")}</bdi>
        </span>
        <time dateTime={when} title={formatExact(when, i18n.language)} className="shrink-0 tabular-nums">
          {formatWhen(when, i18n.language, Date.now())}
        </time>
      </div>
      <div className="flex min-w-0 items-center gap-1.5">
        <PriorityMark priority={ticket.priority} />
        <span dir="auto" className="page-start min-w-0 flex-1 truncate font-medium">
          {ticket.subject || t("ticket.noSubject")}
        </span>
      </div>
      <div className="flex items-center gap-1.5 overflow-hidden text-xs text-ink-faint">
        <span className="shrink-0 tabular-nums">#{ticket.number}</span>
        <StatusBadge status={ticket.status} />
        <SlaBadge sla={ticket.sla} />
        {ticket.language && (
          <span className="shrink-0" title={languageName(ticket.language, i18n.language)}>
            <span aria-hidden>{ticket.language.toUpperCase()}</span>
            <span className="sr-only">{languageName(ticket.language, i18n.language)}</span>
          </span>
        )}
        <span className="min-w-0 flex-1 truncate text-end">
          <bdi>{ticket.assignee?.name ?? t("ticket.unassigned")}</bdi>
        </span>
      </div>
    </>
  );
}
