import { type InfiniteData, infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import { applyToList, type Digest } from "@/features/live/apply.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Session, TicketPage } from "@/lib/api/types.ts";
import { listRules, VIEW_FILTERS, VIEWS, type View } from "./views.ts";

const PAGE_SIZE = 100;

/** A view's rows, newest ticket first, in keyset pages: page ten thousand costs the server what the first one does. */
export function listQuery(view: View) {
  return infiniteQueryOptions({
    queryKey: ["tickets", "list", view] as const,
    queryFn: async ({ pageParam, signal }): Promise<TicketPage> =>
      answer(
        tickets.GET("/api/tickets", {
          params: {
            query: {
              ...VIEW_FILTERS[view],
              sort: "-created_at",
              limit: PAGE_SIZE,
              ...(pageParam && { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

/** Brings a batch of live events into every list that has been looked at. */
export function applyLists(queryClient: QueryClient, batch: Digest, session: Session): void {
  for (const view of VIEWS) {
    queryClient.setQueryData<InfiniteData<TicketPage, string | null>>(
      listQuery(view).queryKey,
      (data) => data && applyToList(data, batch, listRules(view, session)),
    );
  }
}
