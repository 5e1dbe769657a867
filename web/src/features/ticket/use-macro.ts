import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Macro, MacroApplied, MacroPreview, Ticket } from "@/lib/api/types.ts";
import { previewQuery } from "./macro-queries.ts";
import { keepTicket, ticketKeys } from "./queries.ts";
import type { TicketDraft } from "./ticket-draft.ts";

export interface AppliedMacro {
  macro: Macro;
  changes: MacroPreview["changes"];
}

/** Applies macros: what they change at once, what they say below what has been written so far. */
export function useMacro(ticket: Ticket, writing: TicketDraft) {
  const queryClient = useQueryClient();
  return useMutation({
    // What is typed before the server's text is here would be replaced by it.
    onMutate: () => writing.setBusy("macro"),
    mutationFn: async (macro: Macro): Promise<AppliedMacro> => {
      const { changes, version, text } = await queryClient.fetchQuery({
        ...previewQuery(macro.id, ticket.id, ticket.version),
        staleTime: 0,
        networkMode: "always",
      });
      if (text !== null) {
        // The server writes below the draft that it has.
        await writing.keepNow(text.kind);
      }
      const applied: MacroApplied = await answer(
        tickets.POST("/api/tickets/{ticket_id}/macro", {
          params: {
            path: { ticket_id: ticket.id },
            header: { "if-match": `"${version}"`, "idempotency-key": crypto.randomUUID() },
          },
          // It is a draft that it writes: what came meanwhile is told when that is sent.
          body: { macro_id: macro.id, send: false, force: false, undo_seconds: 0 },
        }),
      );
      if (text !== null) {
        await writing.pull();
      }
      keepTicket(queryClient, applied.ticket);
      return { macro, changes };
    },
    onSettled: () => {
      writing.setBusy(null);
      return queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticket.id) });
    },
  });
}
