import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import { ApiError } from "@/lib/api/problem.ts";
import type { Count, KeptView, KeptViewBody } from "@/lib/api/types.ts";
import { ZONE } from "./source.ts";
import { STANDARD, type StandardView } from "./views.ts";

const COUNTED: readonly StandardView[] = ["mine", "unassigned", "open", "review"];
/** The server counts anew after five seconds; more often would only cost. */
const PACE_MS = 6_000;
/** No event tells that somebody changed a view that is shared. */
const LOOK_AGAIN_MS = 60_000;

export const viewsQuery = queryOptions({
  queryKey: ["views"] as const,
  queryFn: async ({ client, signal }): Promise<KeptView[]> => {
    const { items } = await answer(tickets.GET("/api/views", { signal }));
    const before = new Map(keptViews(client)?.map(({ id, version }) => [id, version]));
    for (const { id, version } of items) {
      if (version !== (before.get(id) ?? version)) {
        // Its list is another one now.
        void client.invalidateQueries({ queryKey: ["tickets", "list", { kind: "kept", id }] });
      }
    }
    return items;
  },
  refetchInterval: LOOK_AGAIN_MS,
});

/** Raises `ApiError` 412 if a view is no longer what it was when tickets were chosen by it. */
export async function stillThe(view: KeptView | null, queryClient: QueryClient): Promise<void> {
  const views = await queryClient.fetchQuery({ ...viewsQuery, staleTime: 0, networkMode: "always" });
  if (!views.some(({ id, version }) => id === view?.id && version === view.version)) {
    throw new ApiError(412, {});
  }
}

export function keptViews(queryClient: QueryClient): KeptView[] | undefined {
  return queryClient.getQueryData<KeptView[]>(["views"]);
}

/** How many tickets each view has, by what stands in its address. */
export const countsQuery = queryOptions({
  queryKey: ["views", "counts"] as const,
  queryFn: async ({ signal }): Promise<ReadonlyMap<string, Count>> => {
    const query = { zone: ZONE };
    const [kept, ...standard] = await Promise.all([
      answer(tickets.GET("/api/views/counts", { params: { query }, signal })),
      ...COUNTED.map(async (view) => {
        const params = { query: { ...STANDARD[view].filter, limit: 1 } };
        const { total } = await answer(tickets.GET("/api/tickets/window", { params, signal }));
        return [view, total] as const;
      }),
    ]);
    return new Map<string, Count>([...standard, ...kept.items.map((each) => [each.view_id, each] as const)]);
  },
});

let isComing = false;

/** Counts anew, soon and not too often, since tickets changed. */
export function countsMoved(queryClient: QueryClient): void {
  if (!isComing) {
    isComing = true;
    setTimeout(() => {
      isComing = false;
      void queryClient.invalidateQueries({ queryKey: countsQuery.queryKey });
    }, PACE_MS);
  }
}

/** Keeps a new view, or puts another into the place of one. Raises `ApiError` 412 if it was changed meanwhile. */
export async function keepView(body: KeptViewBody, view: KeptView | null, key: string): Promise<KeptView> {
  if (view === null) {
    return answer(tickets.POST("/api/views", { params: { header: { "idempotency-key": key } }, body }));
  }
  const params = { path: { view_id: view.id }, header: { "if-match": `"${view.version}"` } };
  return answer(tickets.PUT("/api/views/{view_id}", { params, body }));
}

export async function deleteView(view: KeptView): Promise<void> {
  const params = { path: { view_id: view.id }, header: { "if-match": `"${view.version}"` } };
  await answer(tickets.DELETE("/api/views/{view_id}", { params }));
}
