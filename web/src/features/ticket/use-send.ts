import { mutationOptions, type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import { slugOf } from "@/lib/api/problem.ts";
import type { Message, Scheduled, Status, Thread, TicketRow, WrittenMessage } from "@/lib/api/types.ts";
import type { DraftKind } from "./drafts.ts";
import { tellFailure } from "./failures.ts";
import { keepTicket, ticketKeys } from "./queries.ts";
import type { TicketDraft } from "./ticket-draft.ts";

/** What is sent. Everything but kind, text and files is of a reply alone. */
export interface Outgoing {
  kind: DraftKind;
  text: string;
  html: string | null;
  cc: string[];
  attachmentIds: string[];
  mentions: string[];
  /** The version of the thread the writer has read; a note needs none. */
  expectedVersion: number | null;
  /** Sent whatever came since. */
  force: boolean;
  status: Status | null;
  undoSeconds: number;
  sendAt: string | null;
  onlyIfUnanswered: boolean;
}

export type Sent = WrittenMessage | Scheduled;

export function leavesLater(sent: Sent): sent is Scheduled {
  return "release_at" in sent;
}

/**
 * Sends replies and notes. A repeated attempt at the same message carries the same key, so it is never sent twice: key
 * and sending are the draft's, and outlive this page.
 */
export function useSend(ticket: TicketRow, draft: TicketDraft) {
  const queryClient = useQueryClient();
  return useMutation(sending(queryClient, ticket, draft));
}

/** All that has to happen whether or not the page is still there. */
export function sending(queryClient: QueryClient, { id: ticketId, number }: TicketRow, draft: TicketDraft) {
  return mutationOptions({
    mutationFn: (outgoing: Outgoing): Promise<Sent> =>
      send(ticketId, outgoing, draft.attemptKey(JSON.stringify(outgoing))),
    // The edge may have repeated a request whose first try has not ended: asked again, it tells how that went.
    retry: (failures, error) => failures < 3 && slugOf(error) === "request-in-flight",
    onSuccess: (sent, outgoing) => {
      draft.clear(outgoing.kind, outgoing);
      if (leavesLater(sent)) {
        queryClient.setQueryData<Scheduled[]>(ticketKeys.scheduled(ticketId), (known = []) => [
          sent,
          ...known.filter((each) => each.id !== sent.id),
        ]);
        return;
      }
      const { message, ticket } = sent;
      keepTicket(queryClient, ticket);
      queryClient.setQueryData<Thread>(
        ticketKeys.messages(ticketId),
        (known) => known && withMessage(known, message, ticket.thread_version),
      );
    },
    onError: (error, outgoing) => {
      draft.setFailed({ error, outgoing });
      tellFailure({ id: ticketId, number, what: "message", error });
    },
    // Sent or refused, the thread may have moved.
    onSettled: () => {
      draft.setBusy(null);
      return queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticketId) });
    },
  });
}

function send(ticketId: string, outgoing: Outgoing, key: string): Promise<Sent> {
  const params = { path: { ticket_id: ticketId }, header: { "idempotency-key": key } };
  const { kind, text, html, cc, mentions, expectedVersion, force, status, sendAt, onlyIfUnanswered } = outgoing;
  const attachment_ids = outgoing.attachmentIds;
  if (kind === "note") {
    const body = { text, mentions, attachment_ids, force: false };
    return answer(tickets.POST("/api/tickets/{ticket_id}/notes", { params, body }));
  }
  const body = {
    ...(html === null ? { text } : { html }),
    expected_version: expectedVersion,
    force,
    status,
    cc,
    attachment_ids,
    undo_seconds: sendAt === null ? outgoing.undoSeconds : 0,
    send_at: sendAt,
    only_if_unanswered: onlyIfUnanswered,
  };
  return answer(tickets.POST("/api/tickets/{ticket_id}/replies", { params, body }));
}

/** The thread with the message at its end. Its version moves on only if nobody else wrote: the rest is not read yet. */
function withMessage(thread: Thread, message: Message, version: number): Thread {
  if (thread.items.some((each) => each.id === message.id)) {
    return thread;
  }
  const isNext = version === thread.thread_version + 1;
  return { ...thread, items: [...thread.items, message], thread_version: isNext ? version : thread.thread_version };
}
