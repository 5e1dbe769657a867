// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Draft, EMPTY_DRAFT, loadDraft, saveDraft } from "./drafts.ts";

const WRITTEN: Draft = { ...EMPTY_DRAFT, kind: "note", reply: "Dear Tom", note: "call him", seen: 3 };

afterEach(() => localStorage.clear());

describe("drafts", () => {
  it("survive the page, apart for each ticket and person", () => {
    saveDraft("asha", "t1", WRITTEN);
    expect(loadDraft("asha", "t1")).toEqual(WRITTEN);
    expect(loadDraft("asha", "t2")).toEqual(EMPTY_DRAFT);
    expect(loadDraft("lena", "t1")).toEqual(EMPTY_DRAFT);
  });

  it("leave nothing behind once nothing is in them", () => {
    saveDraft("asha", "t1", { ...EMPTY_DRAFT, reply: "x" });
    saveDraft("asha", "t1", EMPTY_DRAFT);
    expect(localStorage).toHaveLength(0);
  });

  it("of the time before they had files are read", () => {
    localStorage.setItem("desk.draft.asha.t1", '{"kind":"reply","reply":"Dear Tom","note":"","seen":3}');
    expect(loadDraft("asha", "t1")).toEqual({ ...EMPTY_DRAFT, reply: "Dear Tom", seen: 3 });
  });

  it.each([
    "not json",
    "null",
    '{"kind":"fax"}',
    '{"kind":"reply","reply":1,"note":"","seen":null}',
    '{"kind":"reply","reply":"","note":"","seen":null,"files":[]}',
  ])("that are damaged count as none: %s", (text) => {
    localStorage.setItem("desk.draft.asha.t1", text);
    expect(loadDraft("asha", "t1")).toEqual(EMPTY_DRAFT);
  });

  it("tell when the browser cannot keep them", () => {
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    expect(saveDraft("asha", "t1", { ...EMPTY_DRAFT, reply: "x" })).toBe(false);
  });
});
