import { describe, expect, it } from "vitest";
import { ApiError, type Problem } from "@/lib/api/problem.ts";
import { type Draft, NEW_FIELD, placesOf, problemsAt } from "./draft.ts";

const draft: Draft = { fields: ["device", "serial"].map((key) => ({ ...NEW_FIELD, key })), forms: [] };
const refused = (status: number, problem: Problem) => new ApiError(status, problem);

describe("what the server refuses stands where it belongs", () => {
  it("by a pointer", () => {
    const detail = "/fields/1/visible_if/field: there is no field 'x'. Nothing was changed.";
    const places = placesOf(refused(422, { detail, pointer: "/fields/1/visible_if/field" }), draft);
    const wrong = [...problemsAt(places, "fields", 1)];
    expect(wrong).toEqual([["visible_if", "there is no field 'x'. Nothing was changed."]]);
    expect([...problemsAt(places, "fields", 0)]).toEqual([]);
    expect([...problemsAt(places, "forms", 1)]).toEqual([]);
  });

  it("by a place in what was sent", () => {
    const errors = [{ loc: ["body", "forms", 0, "key"], msg: "String should match" }];
    const places = placesOf(refused(422, { errors }), draft);
    expect([...problemsAt(places, "forms", 0)]).toEqual([["key", "String should match"]]);
  });

  it("by the keys of fields that stay what they are", () => {
    const places = placesOf(refused(409, { detail: "serial cannot go.", keys: ["serial", "gone"] }), draft);
    expect(places).toEqual([{ path: ["fields", "1", "kind"], text: "serial cannot go." }]);
  });

  it("or nowhere", () => {
    expect(placesOf(refused(503, { detail: "Not now." }), draft)).toEqual([]);
    expect(placesOf(new TypeError("network"), draft)).toEqual([]);
    expect(placesOf(null, draft)).toEqual([]);
  });
});
