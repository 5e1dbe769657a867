// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Draft, EMPTY_DRAFT, hindrance, loadDraft, saveDraft } from "./drafts.ts";

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

  it("of files without a word, or of too many, are not to be sent", () => {
    const files = (count: number) => {
      const reply = Array.from({ length: count }, (_, at) => ({ id: `f${at}`, name: "a.pdf", size: 1 }));
      return { ...EMPTY_DRAFT, files: { reply, note: [] } };
    };
    expect(hindrance(EMPTY_DRAFT, "reply")).toBeNull();
    expect(hindrance({ ...files(1), reply: " " }, "reply")).toBe("needsText");
    expect(hindrance(files(1), "note")).toBeNull();
    expect(hindrance({ ...files(20), reply: "x" }, "reply")).toBeNull();
    expect(hindrance({ ...files(21), reply: "x" }, "reply")).toBe("tooManyFiles");
  });

  it("tell when the browser cannot keep them", () => {
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    expect(saveDraft("asha", "t1", { ...EMPTY_DRAFT, reply: "x" })).toBe(false);
  });
});
