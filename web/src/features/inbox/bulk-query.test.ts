// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { Agent } from "@/lib/api/types.ts";
import { colleagues } from "./bulk-query.ts";
import { session } from "./tickets-of-tests.ts";

it("offers tickets to others who work here, not to accounts that are switched off", () => {
  const agents = [
    { id: session.account_id, name: "Asha", active: true },
    { id: "tom", name: "Tom", active: true },
    { id: "gone", name: "Gone", active: false },
  ] as Agent[];
  expect(colleagues(agents, session).map(({ name }) => name)).toEqual(["Tom"]);
});
