// @vitest-environment jsdom
import { onlineManager, QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, it, vi } from "vitest";
import { statusOf } from "@/lib/api/problem.ts";
import type { KeptView } from "@/lib/api/types.ts";
import { listQuery } from "./list-query.ts";
import { stillThe, viewsQuery } from "./views-query.ts";

const VIEW = { id: "shared", version: 3, conditions: { field: "status", is: ["open"] } } as unknown as KeptView;
let kept: KeptView[];
let client: QueryClient;

beforeEach(async () => {
  onlineManager.setOnline(true);
  kept = [VIEW, { ...VIEW, id: "other" }];
  vi.stubGlobal("fetch", async () => Response.json({ items: kept }));
  client = new QueryClient();
  client.setQueryData(viewsQuery.queryKey, kept);
});

it("goes by a view that nobody changed", async () => {
  await expect(stillThe(VIEW, client)).resolves.toBeUndefined();
});

it("says so when there is no network, rather than to wait for one", async () => {
  onlineManager.setOnline(false);
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  await expect(stillThe(VIEW, client)).rejects.toThrow("Failed to fetch");
});

it.each([
  ["changed", () => [{ ...VIEW, version: 4 }]],
  ["deleted", () => []],
])("does not go by a view that somebody %s since its tickets were chosen", async (_, now) => {
  kept = now();
  const failure = await stillThe(VIEW, client).catch((error: unknown) => error);
  expect(statusOf(failure)).toBe(412);
  expect(client.getQueryData(viewsQuery.queryKey)).toEqual(kept);
});

it("fetches the list of a view anew once that is another one, and no other list", async () => {
  const stale = (id: string) => client.getQueryState(listQuery({ kind: "kept", id }).queryKey)?.isInvalidated;
  for (const id of ["shared", "other"]) {
    client.setQueryData(listQuery({ kind: "kept", id }).queryKey, {} as never);
  }
  kept = [
    { ...VIEW, version: 4 },
    { ...VIEW, id: "other" },
  ];
  await client.fetchQuery({ ...viewsQuery, staleTime: 0 });
  expect([stale("shared"), stale("other")]).toEqual([true, false]);
});
