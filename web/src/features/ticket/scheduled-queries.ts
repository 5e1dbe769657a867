import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Scheduled } from "@/lib/api/types.ts";
import { ticketKeys } from "./queries.ts";

const SHOWN = 20;
const SOON_MS = 500;
const LATE_MS = 60_000;

/** Replies that leave later, and what became of those that were to, newest first. */
export function scheduledQuery(ticketId: string) {
  return queryOptions({
    queryKey: ticketKeys.scheduled(ticketId),
    queryFn: async ({ signal }): Promise<Scheduled[]> =>
      (
        await answer(
          tickets.GET("/api/tickets/{ticket_id}/scheduled", {
            params: { path: { ticket_id: ticketId }, query: { limit: SHOWN } },
            signal,
          }),
        )
      ).items,
    refetchInterval: ({ state }) => untilSettled(state.data, Date.now()),
  });
}

/** When to look again, in milliseconds, while a reply waits: about when the next one leaves; false when none waits. */
export function untilSettled(replies: readonly Scheduled[] | undefined, now: number): number | false {
  const times = replies?.filter(isWaiting).map((reply) => Date.parse(reply.release_at)) ?? [];
  return times.length === 0 ? false : Math.min(Math.max(Math.min(...times) - now, 0) + SOON_MS, LATE_MS);
}

export function isWaiting(reply: Scheduled): boolean {
  return reply.state === "waiting";
}
