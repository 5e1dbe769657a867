import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Message } from "@/lib/api/types.ts";
import type { DraftKind } from "./drafts.ts";
import { ticketKeys } from "./queries.ts";

export interface Outgoing {
  kind: DraftKind;
  text: string;
  /** The ticket's version the writer knew. */
  expectedVersion: number;
}

/** Sends replies and notes. A repeated attempt at the same message carries the same key, so it is never sent twice. */
export function useSend(ticketId: string, onSent: (kind: DraftKind) => void) {
  const queryClient = useQueryClient();
  const attempt = useRef<{ content: string; key: string } | null>(null);

  return useMutation({
    mutationFn: ({ kind, text, expectedVersion }: Outgoing): Promise<Message> => {
      const content = JSON.stringify([kind, text, expectedVersion]);
      if (attempt.current?.content !== content) {
        attempt.current = { content, key: crypto.randomUUID() };
      }
      const params = { path: { ticket_id: ticketId }, header: { "Idempotency-Key": attempt.current.key } };
      return kind === "reply"
        ? answer(
            tickets.POST("/api/tickets/{ticket_id}/replies", {
              params,
              body: { text, expected_version: expectedVersion },
            }),
          )
        : answer(tickets.POST("/api/tickets/{ticket_id}/notes", { params, body: { text } }));
    },
    onSuccess: (message, { kind }) => {
      attempt.current = null;
      onSent(kind);
      queryClient.setQueryData<Message[]>(ticketKeys.messages(ticketId), (known) =>
        known?.every((each) => each.id !== message.id) ? [...known, message] : known,
      );
    },
    // Sent or refused, the thread may have moved.
    onSettled: () => queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticketId) }),
  });
}
