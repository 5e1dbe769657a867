import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Agent, BulkBody, BulkItem, BulkJob, KeptView, Session } from "@/lib/api/types.ts";
import { type Source, ZONE } from "./source.ts";
import type { Selection } from "./use-selection.ts";
import { STANDARD } from "./views.ts";

const LOOK_AGAIN_MS = 500;
/** Refused tickets that are named; how many there are is always said. */
export const NAMED = 50;

/** The tickets as the server is told of them: those that were ticked, or all that the list is made of. */
export function selectionOf(selection: Selection, source: Source, view: KeptView | null): BulkBody["selection"] {
  const zone = ZONE;
  if (!selection.isAll) {
    return { ids: [...selection.ids], zone };
  }
  if (source.kind === "standard") {
    return { condition: STANDARD[source.view].condition as NonNullable<BulkBody["selection"]["condition"]>, zone };
  }
  return source.kind === "kept" ? { condition: view?.conditions ?? null, zone } : { q: source.q, zone };
}

/** To whom else tickets can be given: an account that is switched off takes none. */
export function colleagues(agents: readonly Agent[], session: Session): Agent[] {
  return agents.filter(({ id, active }) => active && id !== session.account_id);
}

/** Begins a change of many tickets; the same key never begins it twice. */
export async function begin(body: BulkBody, key: string): Promise<BulkJob> {
  return answer(tickets.POST("/api/bulk", { params: { header: { "idempotency-key": key } }, body }));
}

/** Puts back what a job changed; that is a job, too. */
export async function undo(id: string, key: string): Promise<BulkJob> {
  const params = { path: { job_id: id }, header: { "idempotency-key": key } };
  return answer(tickets.POST("/api/bulk/{job_id}/undo", { params }));
}

export async function cancel(id: string): Promise<BulkJob> {
  return answer(tickets.POST("/api/bulk/{job_id}/cancel", { params: { path: { job_id: id } } }));
}

/** How far a job is, looked at again until it is over. */
export function jobQuery(id: string) {
  return queryOptions({
    queryKey: ["bulk", id] as const,
    queryFn: async ({ signal }): Promise<BulkJob> =>
      answer(tickets.GET("/api/bulk/{job_id}", { params: { path: { job_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : LOOK_AGAIN_MS),
  });
}

export function isOver(job: BulkJob): boolean {
  return job.state === "done" || job.state === "cancelled";
}

/** The tickets that a job could not change, and why. */
export function refusedQuery(id: string, enabled: boolean) {
  return queryOptions({
    queryKey: ["bulk", id, "refused"] as const,
    queryFn: async ({ signal }): Promise<BulkItem[]> => {
      const params = { path: { job_id: id }, query: { result: "refused", limit: NAMED } } as const;
      return (await answer(tickets.GET("/api/bulk/{job_id}/items", { params, signal }))).items;
    },
    enabled,
  });
}
