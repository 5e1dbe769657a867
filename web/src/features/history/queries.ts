import { infiniteQueryOptions } from "@tanstack/react-query";
import { ticketKeys } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { EntryKind, Timeline } from "@/lib/api/types.ts";

const PAGE = 30;

export const FILTERS = ["all", "messages", "changes"] as const;
export type Filter = (typeof FILTERS)[number];

const KINDS: Record<Filter, EntryKind[] | undefined> = {
  all: undefined,
  messages: ["customer", "reply", "note", "system"],
  changes: ["change"],
};

/** What happened to a ticket, the newest first, page by page. */
export function timelineQuery(id: string, filter: Filter) {
  const kind = KINDS[filter];
  return infiniteQueryOptions({
    queryKey: [...ticketKeys.timeline(id), filter] as const,
    queryFn: async ({ pageParam, signal }): Promise<Timeline> => {
      const query = { limit: PAGE, ...(kind && { kind }), ...(pageParam && { cursor: pageParam }) };
      const params = { path: { ticket_id: id }, query };
      return answer(tickets.GET("/api/tickets/{ticket_id}/timeline", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    staleTime: 0,
  });
}
