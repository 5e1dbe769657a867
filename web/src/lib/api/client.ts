import createClient, { type FetchResponse } from "openapi-fetch";
import { authorisedFetch } from "./authorised-fetch.ts";
import { ApiError, type Problem, retryAfter } from "./problem.ts";
import type { paths as AnalyticsPaths } from "./schema/analytics.ts";
import type { paths as GatewayPaths } from "./schema/gateway.ts";
import type { paths as IngestionPaths } from "./schema/ingestion.ts";
import type { paths as RoutingPaths } from "./schema/routing.ts";
import type { paths as SlaPaths } from "./schema/sla.ts";
import type { paths as TicketPaths } from "./schema/tickets.ts";

const listeners = new Set<() => void>();

/** Calls `listener` whenever the server says that nobody is signed in. Returns how to stop. */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const options = {
  baseUrl: location.origin,
  fetch: authorisedFetch(
    (request) => fetch(request),
    () => {
      for (const listener of listeners) listener();
    },
  ),
};

export const gateway = createClient<GatewayPaths>(options);
export const ingestion = createClient<IngestionPaths>(options);
export const tickets = createClient<TicketPaths>(options);
export const routing = createClient<RoutingPaths>(options);
export const analytics = createClient<AnalyticsPaths>(options);
export const sla = createClient<SlaPaths>(options);

/** The body of a successful answer. Raises `ApiError` otherwise, with the problem the server described. */
export async function answer<T extends Record<string | number, unknown>, O, M extends `${string}/${string}`>(
  call: Promise<FetchResponse<T, O, M>>,
): Promise<NonNullable<FetchResponse<T, O, M>["data"]>> {
  const { data, error, response } = await call;
  if (!response.ok) {
    const problem = typeof error === "object" && error !== null ? (error as Problem) : {};
    throw new ApiError(response.status, problem, retryAfter(response.headers.get("Retry-After"), Date.now()));
  }
  return data as NonNullable<typeof data>;
}
