import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { answer, tickets } from "@/lib/api/client.ts";
import { slugOf } from "@/lib/api/problem.ts";
import type { Message, Thread, WrittenMessage } from "@/lib/api/types.ts";
import type { DraftKind } from "./drafts.ts";
import { keepTicket, ticketKeys } from "./queries.ts";

export interface Outgoing {
  kind: DraftKind;
  text: string;
  /** The version of the thread the writer has read; a note needs none. */
  expectedVersion: number | null;
}

/** Sends replies and notes. A repeated attempt at the same message carries the same key, so it is never sent twice. */
export function useSend(ticketId: string, onSent: (kind: DraftKind) => void) {
  const queryClient = useQueryClient();
  const attempt = useRef<{ content: string; key: string } | null>(null);

  return useMutation({
    mutationFn: ({ kind, text, expectedVersion }: Outgoing): Promise<WrittenMessage> => {
      const content = JSON.stringify([kind, text, expectedVersion]);
      if (attempt.current?.content !== content) {
        attempt.current = { content, key: crypto.randomUUID() };
      }
      const params = { path: { ticket_id: ticketId }, header: { "idempotency-key": attempt.current.key } };
      return kind === "reply"
        ? answer(
            tickets.POST("/api/tickets/{ticket_id}/replies", {
              params,
              body: { text, expected_version: expectedVersion },
            }),
          )
        : answer(tickets.POST("/api/tickets/{ticket_id}/notes", { params, body: { text } }));
    },
    // The edge may have repeated a request whose first try has not ended: asked again, it tells how that went.
    retry: (failures, error) => failures < 3 && slugOf(error) === "request-in-flight",
    onSuccess: ({ message, ticket }, { kind }) => {
      attempt.current = null;
      onSent(kind);
      keepTicket(queryClient, ticket);
      queryClient.setQueryData<Thread>(
        ticketKeys.messages(ticketId),
        (known) => known && withMessage(known, message, ticket.thread_version),
      );
    },
    // Sent or refused, the thread may have moved.
    onSettled: () => queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticketId) }),
  });
}

/** The thread with the message at its end. Its version moves on only if nobody else wrote: the rest is not read yet. */
function withMessage(thread: Thread, message: Message, version: number): Thread {
  if (thread.items.some((each) => each.id === message.id)) {
    return thread;
  }
  const isNext = version === thread.thread_version + 1;
  return { items: [...thread.items, message], thread_version: isNext ? version : thread.thread_version };
}
