import { queryOptions } from "@tanstack/react-query";
import { answer, routing, tickets } from "@/lib/api/client.ts";
import type { Agent, BulkJob, Queue, TicketRow } from "@/lib/api/types.ts";

/** Load moves with every ticket, and no socket tells of it. */
const LOOK_AGAIN_MS = 10_000;
const SHOWN_TICKETS = 50;

export const teamKeys = { agents: ["team", "agents"] as const, queues: ["team", "queues"] as const };

/** Everybody who can be given tickets, by name. */
export const teamQuery = queryOptions({
  queryKey: teamKeys.agents,
  queryFn: async ({ signal }): Promise<Agent[]> => (await answer(routing.GET("/api/agents", { signal }))).items,
  refetchInterval: LOOK_AGAIN_MS,
});

export const queuesQuery = queryOptions({
  queryKey: teamKeys.queues,
  queryFn: async ({ signal }): Promise<Queue[]> => (await answer(routing.GET("/api/routing/queues", { signal }))).items,
  refetchInterval: LOOK_AGAIN_MS,
});

/** The search line of what somebody has to do. */
export function unsolvedOf(agent: Agent): string {
  return `assignee:${agent.id} status:new,open,pending,on_hold`;
}

/** The newest tickets that somebody has to do. */
export function heldQuery(agent: Agent) {
  return queryOptions({
    queryKey: ["team", "held", agent.id] as const,
    queryFn: async ({ signal }): Promise<TicketRow[]> => {
      const query = { q: unsolvedOf(agent), limit: SHOWN_TICKETS };
      const page = await answer(tickets.GET("/api/tickets/search", { params: { query }, signal }));
      return page.items.map((found) => found.ticket);
    },
    staleTime: 0,
  });
}

export function isRunning(job: BulkJob): boolean {
  return job.state === "running";
}

/** A change of many tickets, looked at until it is over. */
export function jobQuery(id: string) {
  return queryOptions({
    queryKey: ["team", "job", id] as const,
    queryFn: async ({ signal }): Promise<BulkJob> =>
      answer(tickets.GET("/api/bulk/{job_id}", { params: { path: { job_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data === undefined || isRunning(state.data) ? 500 : false),
  });
}
