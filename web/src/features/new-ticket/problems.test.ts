// @vitest-environment jsdom
import { createInstance, type TFunction } from "i18next";
import { expect, it } from "vitest";
import { ApiError } from "@/lib/api/problem.ts";
import newTicket from "@/locales/en/newTicket.json";
import panel from "@/locales/en/panel.json";
import { NOTHING } from "./new-ticket.ts";
import { missingIn, refusedIn, still } from "./problems.ts";

const i18n = createInstance({ lng: "en", defaultNS: "newTicket", resources: { en: { newTicket, panel } } });
await i18n.init();
const t = i18n.t as unknown as TFunction<["newTicket", "desk", "panel"]>;
const refused = (type: string, problem: object = {}) =>
  refusedIn(new ApiError(422, { type: `/problems/${type}`, ...problem }), t);

it("says what has to be written first", () => {
  expect([...missingIn(NOTHING, t).keys()]).toEqual(["requester", "text"]);
  expect(missingIn({ ...NOTHING, requester: "ana", text: "Hello" }, t).get("requester")).toContain("begins with +");
  expect(missingIn({ ...NOTHING, requester: "ana@example.org", text: "Hello" }, t).size).toBe(0);
});

it("puts what the server refused beside its field", () => {
  const errors = [
    { loc: ["body", "requester", "email"], msg: "String should match pattern" },
    { loc: ["body", "type_key"], msg: "Too long" },
    { loc: ["body", "fields", "cost"], msg: "No number" },
  ];
  expect([...refused("validation", { errors })]).toEqual([
    ["requester", newTicket.problem.requesterUnread],
    ["type", "This cannot be kept: Too long"],
    ["fields.cost", "This cannot be kept: No number"],
  ]);
  const own = [
    { field: "cost", code: "required", problem: "is required" },
    { field: "size", code: "unheard-of", problem: "is too big" },
  ];
  expect([...refused("fields-invalid", { errors: own })]).toEqual([
    ["fields.cost", panel.wrong.required],
    ["fields.size", "is too big"],
  ]);
  expect([...refused("unknown-customer").keys()]).toEqual(["requester"]);
  expect([...refused("unknown-type").keys()]).toEqual(["type"]);
  expect(refused("something-else").size).toBe(0);
  expect(refusedIn(new TypeError("no network"), t).size).toBe(0);
});

it("is silent about what was written anew", () => {
  const sent = { ...NOTHING, subject: "a", fields: { cost: 101, size: 1 } };
  const problems = new Map(["subject", "fields.cost", "fields.size"].map((place) => [place, "wrong"]));
  const now = { ...sent, subject: "b", fields: { cost: 7, size: 1 } };
  expect([...still(problems, sent, now).keys()]).toEqual(["fields.size"]);
});
