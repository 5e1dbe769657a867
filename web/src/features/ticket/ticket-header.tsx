import { ArrowLeft, ArrowRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { SlaBadge } from "@/features/sla/sla-badge.tsx";
import type { Session, Status, Ticket } from "@/lib/api/types.ts";
import { languageName } from "@/lib/format.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Select } from "@/ui/select.tsx";
import { AssigneeSelect } from "./assignee-select.tsx";
import { PriorityMark } from "./priority-mark.tsx";
import { RoutingPopover } from "./routing-popover.tsx";
import { useTicketEdit } from "./use-ticket-edit.ts";

interface TicketHeaderProps {
  ticket: Ticket;
  session: Session;
  onClose: () => void;
}

/** What the ticket is and who has it; everything here can be changed in place. */
export function TicketHeader({ ticket, session, onClose }: TicketHeaderProps) {
  const { t, i18n } = useTranslation();
  const edit = useTicketEdit(ticket);
  const isClosed = ticket.status === "closed";
  const canSolve = ticket.allowed_statuses.includes("solved");
  useCommand("solve", "e", () => edit.setStatus("solved"), canSolve);
  useCommand(
    "takeIt",
    "a",
    () => edit.assign({ id: session.account_id, name: session.name }),
    !isClosed && ticket.assignee?.id !== session.account_id,
  );

  const statuses = [ticket.status, ...ticket.allowed_statuses.filter((status) => status !== ticket.status)];
  return (
    <header className="flex flex-col gap-3 border-b border-line px-4 py-3 lg:px-6">
      <div className="flex items-start gap-2">
        <Button look="quiet" size="icon" onClick={onClose} aria-label={t("ticket.back")}>
          <ArrowLeft aria-hidden className="size-4 rtl:hidden" />
          <ArrowRight aria-hidden className="hidden size-4 rtl:block" />
        </Button>
        <div className="min-w-0 flex-1">
          <h2 dir="auto" className="page-start text-lg font-semibold break-words">
            {ticket.subject || t("ticket.noSubject")}
          </h2>
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
      </div>
      <div className="flex flex-wrap items-end gap-2">
        <div className="w-36">
          <Select<Status>
            label={t("ticket.status")}
            value={ticket.status}
            choices={statuses.map((status) => ({ id: status, label: t(`status.${status}`) }))}
            onChange={edit.setStatus}
            isDisabled={isClosed}
          />
        </div>
        <div className="w-48">
          <AssigneeSelect ticket={ticket} session={session} onChange={edit.assign} />
        </div>
        <RoutingPopover ticketId={ticket.id} />
      </div>
      <div role="alert" className="text-sm text-bad empty:hidden">
        {edit.problem}
      </div>
    </header>
  );
}
