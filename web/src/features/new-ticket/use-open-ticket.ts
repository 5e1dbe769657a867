import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keepTicket } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import { slugOf, statusOf } from "@/lib/api/problem.ts";
import type { NewTicketBody, Ticket } from "@/lib/api/types.ts";
import type { NewTicket } from "./new-ticket.ts";

/** By which it is known, also after its form was left, that a ticket is being opened. */
export const OPENING = ["newTicket", "open"] as const;

interface Opening {
  body: NewTicketBody;
  /** The same for the same body until it is known to be open. */
  key: string;
  assignee: string | null;
  /** What it was made of. */
  written: NewTicket;
}

/** The ticket is there, but nobody was given it, and why. */
export class NotAssigned extends Error {
  readonly ticket: Ticket;
  readonly reason: Error;

  constructor(ticket: Ticket, reason: Error) {
    super("not assigned");
    this.ticket = ticket;
    this.reason = reason;
  }
}

/** Opens a ticket, once however often it is tried, and gives it to whoever was chosen. */
export function useOpenTicket(onOpened: (written: NewTicket) => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationKey: OPENING,
    mutationFn: async ({ body, key, assignee, written }: Opening): Promise<Ticket> => {
      const ticket = await answer(
        tickets.POST("/api/tickets", { params: { header: { "idempotency-key": key } }, body }),
      );
      // Whatever becomes of the assignee, what was written is in the ticket now.
      onOpened(written);
      return assignee === null ? ticket : assigned(ticket, assignee);
    },
    // The edge may have repeated a request whose first try has not ended: asked again, it tells how that went.
    retry: (failures, error) => failures < 3 && slugOf(error) === "request-in-flight",
    onSuccess: (ticket) => keepTicket(queryClient, ticket),
  });
}

async function assigned(ticket: Ticket, assigneeId: string): Promise<Ticket> {
  const path = { ticket_id: ticket.id };
  const give = ({ version }: Ticket): Promise<Ticket> =>
    answer(
      tickets.PUT("/api/tickets/{ticket_id}/assignee", {
        params: { path, header: { "if-match": `"${version}"` } },
        body: { assignee_id: assigneeId },
      }),
    );
  try {
    return await give(ticket);
  } catch (error) {
    if (statusOf(error) !== 412) {
      throw new NotAssigned(ticket, error as Error);
    }
  }
  // Routing was there in between; whom somebody chose goes before whom it found.
  try {
    return await give(await answer(tickets.GET("/api/tickets/{ticket_id}", { params: { path } })));
  } catch (error) {
    throw new NotAssigned(ticket, error as Error);
  }
}
