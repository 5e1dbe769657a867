import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Agent, Session, TicketRow } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Loaded } from "@/ui/page.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { HandOver } from "./hand-over.tsx";
import { heldQuery, teamKeys, unsolvedOf } from "./queries.ts";

interface HeldSheetProps {
  agent: Agent;
  team: readonly Agent[];
  session: Session;
  onClose: () => void;
}

/** What somebody has to do: one ticket taken over, or all given to somebody else. */
export function HeldSheet({ agent, team, session, onClose }: HeldSheetProps) {
  const { t } = useTranslation("team");
  const held = useQuery(heldQuery(agent));
  return (
    <Sheet title={t("tickets", { name: agent.name })} isOpen onClose={onClose}>
      <Loaded query={held} has={held.data !== undefined}>
        {held.data?.length === 0 ? (
          <p className="text-sm text-ink-soft">{t("noTickets")}</p>
        ) : (
          <ul className="flex max-h-72 flex-col overflow-y-auto rounded-md border border-line">
            {held.data?.map((ticket) => (
              <HeldTicket key={ticket.id} ticket={ticket} isMine={agent.id === session.account_id} me={session} />
            ))}
          </ul>
        )}
      </Loaded>
      <Link
        to="/inbox/$view"
        params={{ view: "open" }}
        search={{ q: unsolvedOf(agent) }}
        className="self-start text-sm text-accent underline underline-offset-4"
      >
        {t("showAll")}
      </Link>
      <HandOver agent={agent} team={team} />
    </Sheet>
  );
}

function HeldTicket({ ticket, isMine, me }: { ticket: TicketRow; isMine: boolean; me: Session }) {
  const { t } = useTranslation(["team", "desk"]);
  const queryClient = useQueryClient();
  const take = useMutation({
    mutationFn: async () =>
      answer(
        tickets.PUT("/api/tickets/{ticket_id}/assignee", {
          params: { path: { ticket_id: ticket.id }, header: { "if-match": `"${ticket.version}"` } },
          body: { assignee_id: me.account_id },
        }),
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: teamKeys.agents }),
  });
  return (
    <li className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2 text-sm last:border-b-0">
      <span className="text-ink-faint tabular-nums">#{ticket.number}</span>
      <Link
        to="/inbox/$view"
        params={{ view: "open" }}
        search={{ ticket: ticket.id }}
        className="min-w-0 flex-1 truncate hover:underline"
      >
        <bdi>{ticket.subject || t("desk:ticket.noSubject")}</bdi>
      </Link>
      <StatusBadge status={ticket.status} />
      {!isMine && !take.isSuccess && (
        <Button
          onClick={() => take.mutate()}
          disabled={take.isPending}
          aria-label={t("takeOverOf", { number: ticket.number })}
        >
          {t("takeOver")}
        </Button>
      )}
      <div role="status" className="text-good empty:hidden">
        {take.isSuccess && t("taken")}
      </div>
      <ProblemText error={take.error} />
    </li>
  );
}
