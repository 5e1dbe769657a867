// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { act } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import type { Lifecycle } from "@/lib/api/types.ts";
import { mount, named, press, write } from "../mount-for-tests.tsx";
import Workflow from "./workflow.tsx";

const DAYS = "Close after days";
let kept: Lifecycle;
let client: QueryClient;

/** The server: it takes what was made of the version it has, and refuses the rest. */
async function answer(request: Request): Promise<Response> {
  if (request.method === "PUT" && request.headers.get("if-match") !== `"${kept.version}"`) {
    return Response.json({ title: "changed" }, { status: 412 });
  }
  if (request.method === "PUT") {
    kept = { ...(await request.json()), version: kept.version + 1 };
  }
  return Response.json(kept);
}

const settled = () => act(() => new Promise((resolve) => setTimeout(resolve, 50)));
const refetched = async () => {
  await act(() => client.invalidateQueries({ queryKey: lifecycleQuery.queryKey }));
  await settled();
};
const days = () => named<HTMLInputElement>("input", DAYS).value;
const text = () => document.body.textContent;

beforeEach(async () => {
  kept = {
    ...{ version: 4, statuses: [], types: [], requirements: [], forbidden: {}, priorities: {} },
    ...{ reopening: { policy: "always" }, reopening_of: {}, close_after_days: 7 },
  } as unknown as Lifecycle;
  vi.stubGlobal("fetch", answer);
  client = new QueryClient();
  mount(<Workflow />, client);
  await settled();
});

it("shows what others changed while nothing is changed here", async () => {
  kept = { ...kept, version: 5, close_after_days: 30 };
  await refetched();
  expect(days()).toBe("30");
});

it("keeps a change that is not saved when a newer version comes in, and says that it cannot be saved over it", async () => {
  await write(DAYS, "9");
  kept = { ...kept, version: 5, close_after_days: 30 };
  await refetched();
  expect(days()).toBe("9");
  expect(text()).toContain("Somebody else changed this meanwhile");
  await press("Discard mine and show theirs");
  expect(days()).toBe("30");
});

it("takes what is written in an open sheet for a change of what was there when it was opened", async () => {
  const status = { key: "parts", category: "on_hold", labels: { en: "Parts" }, active: true } as const;
  kept = { ...kept, version: 5, statuses: [status] };
  await refetched();
  await press("Edit Parts");
  kept = { ...kept, version: 6, statuses: [{ ...status, labels: { en: "Spares" } }] };
  await refetched();
  await write("Name in English", "Parts ordered");
  await press("Apply");
  expect(text()).toContain("Somebody else changed this meanwhile");
  await press("Discard mine and show theirs");
  expect(text()).toContain("Spares");
});

it("learns of a newer version from the server's refusal, and saves what is made of that", async () => {
  await write(DAYS, "9");
  kept = { ...kept, version: 5, close_after_days: 30 };
  await press("Save");
  await press("Save");
  await settled();
  expect(document.querySelector("[role=dialog]")).toBeNull();
  expect(text()).toContain("Somebody else changed this meanwhile");
  await press("Discard mine and show theirs");
  await write(DAYS, "12");
  await press("Save");
  await press("Save");
  await settled();
  expect([kept.version, kept.close_after_days]).toEqual([6, 12]);
  expect(text()).not.toContain("not saved yet");
});
