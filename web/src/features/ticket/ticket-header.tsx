import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, ArrowRight } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { SlaAnnouncer } from "@/features/sla/sla-announcer.tsx";
import { SlaBadge } from "@/features/sla/sla-badge.tsx";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { languageName } from "@/lib/format.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { AssigneeSelect } from "./assignee-select.tsx";
import { editProblem } from "./edit-problems.ts";
import { openSelect } from "./open-select.ts";
import { PriorityMark } from "./priority-mark.tsx";
import { agentsQuery } from "./queries.ts";
import { SnoozePopover } from "./snooze-popover.tsx";
import { StatusSelect } from "./status-select.tsx";
import { SubjectLine } from "./subject-line.tsx";
import { TicketMenu } from "./ticket-menu.tsx";
import type { PanelState } from "./use-panel.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

interface TicketHeaderProps {
  ticket: Ticket;
  session: Session;
  edit: TicketEdit;
  panel: PanelState;
  onClose: () => void;
}

/** What the ticket is, how it stands and who has it; everything here can be changed in place. */
export function TicketHeader({ ticket, session, edit, panel, onClose }: TicketHeaderProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const status = useRef<HTMLDivElement>(null);
  const agents = useQuery(agentsQuery);
  const isClosed = ticket.status === "closed";
  const me = { id: session.account_id, name: session.name };
  const solve = () => edit.set({ status: "solved" }, { status: "solved", status_key: "solved", status_labels: {} });
  useCommand({
    id: "solve",
    group: "ticket",
    key: "e",
    run: solve,
    enabled: ticket.allowed_statuses.includes("solved"),
  });
  useCommand({
    id: "takeIt",
    group: "ticket",
    key: "a",
    run: () => (ticket.assignee === null ? edit.claim(me) : edit.assign(me)),
    enabled: !isClosed && ticket.assignee?.id !== session.account_id,
  });
  useCommand({
    id: "ticket:status",
    group: "ticket",
    key: "s",
    label: t("panel:command.status"),
    run: () => openSelect(status.current),
    enabled: !isClosed,
  });

  return (
    <header className="flex flex-col gap-3 border-b border-line px-4 py-3 lg:px-6">
      <div className="flex items-start gap-2">
        <Button look="quiet" size="icon" onClick={onClose} aria-label={t("ticket.back")}>
          <ArrowLeft aria-hidden className="size-4 rtl:hidden" />
          <ArrowRight aria-hidden className="hidden size-4 rtl:block" />
        </Button>
        <div className="min-w-0 flex-1">
          <SubjectLine ticket={ticket} edit={edit} />
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1 pt-0.5 text-sm text-ink-soft">
            <span className="tabular-nums">#{ticket.number}</span>
            <span aria-hidden>·</span>
            <bdi>{ticket.requester.name || t("ticket.nameless")}</bdi>
            {ticket.priority !== "normal" && (
              <span className="flex items-center gap-0.5">
                <PriorityMark priority={ticket.priority} />
                <span aria-hidden>{t(`priority.${ticket.priority}`)}</span>
              </span>
            )}
            {ticket.language && <Badge>{languageName(ticket.language, i18n.language)}</Badge>}
            <SlaBadge sla={ticket.sla} />
          </div>
        </div>
        <TicketMenu ticket={ticket} session={session} panel={panel} />
      </div>
      <div className="flex flex-wrap items-end gap-2">
        <div ref={status} className="w-36">
          <StatusSelect ticket={ticket} edit={edit} />
        </div>
        <div className="w-48">
          <AssigneeSelect
            ticket={ticket}
            session={session}
            onChange={(who) =>
              who?.id === session.account_id && ticket.assignee === null ? edit.claim(who) : edit.assign(who)
            }
          />
        </div>
        {!isClosed && <SnoozePopover until={ticket.snoozed_until} onChange={edit.snooze} />}
      </div>
      <div role="alert" className="text-sm text-bad empty:hidden">
        {edit.error && editProblem(edit.error, { t, locale: i18n.language, agents: agents.data ?? [] })}
      </div>
      <SlaAnnouncer number={ticket.number} sla={ticket.sla} />
    </header>
  );
}
