import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { ApiError, statusOf } from "@/lib/api/problem.ts";
import type { Status, Ticket } from "@/lib/api/types.ts";
import { keepTicket, ticketKeys } from "./queries.ts";

interface TicketEdit {
  setStatus: (status: Status) => void;
  assign: (assignee: { id: string; name: string } | null) => void;
  /** Why the last change was refused, for the person who made it; null when it was not. */
  problem: string | null;
}

/** Changes of a ticket's fields: shown at once, taken back when the server refuses, never over somebody else's edit. */
export function useTicketEdit(ticket: Ticket): TicketEdit {
  const { t } = useTranslation();
  const queryClient = useQueryClient();

  const change = useMutation({
    mutationFn: (edit: { send: () => Promise<Ticket>; shown: Partial<Ticket> }) => edit.send(),
    onMutate: ({ shown }) => queryClient.setQueryData<Ticket>(ticketKeys.one(ticket.id), { ...ticket, ...shown }),
    onSuccess: (saved) => keepTicket(queryClient, saved),
    onError: () => void queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticket.id), exact: true }),
  });

  const params = {
    path: { ticket_id: ticket.id },
    header: { "if-match": `"${ticket.version}"` },
  };
  return {
    setStatus: (status) => {
      if (status !== ticket.status) {
        const send = () => answer(tickets.PATCH("/api/tickets/{ticket_id}", { params, body: { status } }));
        change.mutate({ send, shown: { status } });
      }
    },
    assign: (assignee) => {
      const body = { assignee_id: assignee?.id ?? null };
      const send = () => answer(tickets.PUT("/api/tickets/{ticket_id}/assignee", { params, body }));
      change.mutate({ send, shown: { assignee } });
    },
    problem: change.error ? describe(change.error) : null,
  };

  function describe(error: Error): string {
    switch (statusOf(error)) {
      case 412:
        return t("ticket.changedMeanwhile");
      case 403:
        return t("ticket.forbidden");
      default:
        return error instanceof ApiError && error.status === 409 ? error.message : t("ticket.notSaved");
    }
  }
}
