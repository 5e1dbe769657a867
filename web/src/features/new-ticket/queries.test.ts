// @vitest-environment jsdom
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tickets } from "@/lib/api/client.ts";
import { customersQuery } from "./queries.ts";

const identities = [
  { kind: "phone", address: "+4930123456" },
  { kind: "email", address: "zoe@example.org" },
];
const found = [
  { id: "c1", name: "Zoe", identities },
  { id: "c2", name: "Zoë", identities: identities.slice(0, 1) },
];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("looks for customers once the writing pauses, not at every letter", async () => {
  const answer = { data: { items: found }, response: new Response(null, { status: 200 }) } as never;
  const get = vi.spyOn(tickets, "GET").mockResolvedValue(answer);
  const observer = new QueryObserver(new QueryClient(), customersQuery("zo"));
  const stop = observer.subscribe(() => undefined);
  for (const written of ["zoe", "zoe@", "zoe@e"]) {
    await vi.advanceTimersByTimeAsync(100);
    observer.setOptions(customersQuery(written));
  }
  expect(get).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(300);
  expect(get).toHaveBeenCalledOnce();
  expect(get.mock.calls[0]?.[1]).toMatchObject({ params: { query: { email: "zoe@e" } } });
  expect(observer.getCurrentResult().data).toEqual([
    { id: "c1", name: "Zoe", address: "zoe@example.org", hasEmail: true },
    { id: "c2", name: "Zoë", address: "+4930123456", hasEmail: false },
  ]);
  stop();
});
