import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Scheduled } from "@/lib/api/types.ts";
import { storage } from "@/lib/storage.ts";
import { ticketKeys } from "./queries.ts";

const PAGE = 100;
const SOON_MS = 500;
const LATE_MS = 60_000;

/** Replies that leave later, and what became of those that were to, newest first. */
export function scheduledQuery(ticketId: string) {
  return queryOptions({
    queryKey: ticketKeys.scheduled(ticketId),
    queryFn: async ({ signal }): Promise<Scheduled[]> => {
      const path = { ticket_id: ticketId };
      const replies: Scheduled[] = [];
      let cursor: string | null | undefined;
      // One that waits may be older than many that have left.
      do {
        const query = { limit: PAGE, ...(cursor && { cursor }) };
        const page: { items: Scheduled[]; next_cursor?: string | null } = await answer(
          tickets.GET("/api/tickets/{ticket_id}/scheduled", { params: { path, query }, signal }),
        );
        replies.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor);
      return replies;
    },
    refetchInterval: ({ state }) => untilSettled(state.data, Date.now()),
  });
}

/**
 * When to look again, in milliseconds, while a reply waits: about when the next one leaves; false when none waits.
 *
 * The longer one should have left, the more patiently: the clock here may be wrong.
 */
export function untilSettled(replies: readonly Scheduled[] | undefined, now: number): number | false {
  const times = replies?.filter(isWaiting).map((reply) => Date.parse(reply.release_at)) ?? [];
  return times.length === 0 ? false : Math.min(Math.abs(Math.min(...times) - now) + SOON_MS, LATE_MS);
}

export function isWaiting(reply: Scheduled): boolean {
  return reply.state === "waiting";
}

const DISMISSED = "desk.dismissed";
const MOST_DISMISSED = 100;

/** The refused replies that somebody has put back, or does not want to see any more. */
export function dismissedReplies(accountId: string): readonly string[] {
  return storage.get(`${DISMISSED}.${accountId}`)?.split(" ") ?? [];
}

/** Remembers one more of them, and answers all. */
export function dismissReply(accountId: string, id: string): readonly string[] {
  const dismissed = [...dismissedReplies(accountId), id].slice(-MOST_DISMISSED);
  storage.set(`${DISMISSED}.${accountId}`, dismissed.join(" "));
  return dismissed;
}
