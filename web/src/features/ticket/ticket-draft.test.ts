// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/lib/api/problem.ts";
import type { DraftBody, ServerDraft } from "@/lib/api/types.ts";
import { type DraftStore, TicketDraft } from "./ticket-draft.ts";

/** The server's side, as /api/tickets/{id}/draft behaves: one draft, replaced only upon the version that was read. */
class Server implements DraftStore {
  draft: ServerDraft | null = null;
  version = 0;
  isDown = false;

  read = async () => this.#up() && this.draft;

  keep = async (body: DraftBody, version: number) => {
    this.#expect(version);
    const { html = null, cc = [], attachment_ids = [] } = body;
    this.version += 1;
    this.draft = { ...body, html, cc, attachment_ids, ticket_id: "t1", version: this.version, updated_at: "" };
    return this.draft;
  };

  forget = async (version: number) => {
    this.#expect(version);
    this.draft = null;
  };

  #expect(version: number) {
    this.#up();
    if (version !== (this.draft?.version ?? 0)) {
      throw new ApiError(412, {});
    }
  }

  #up() {
    if (this.isDown) throw new TypeError("Failed to fetch");
    return true as never;
  }
}

const server = new Server();
const device = (name = "here") => {
  // Each device has a storage of its own; the name of the person stands in for it.
  return new TicketDraft(name, "t1", server);
};
const typed = (draft: TicketDraft) => draft.state().draft;
const saved = () => vi.advanceTimersByTimeAsync(60_000);

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  localStorage.clear();
  Object.assign(server, { draft: null, version: 0, isDown: false });
});

describe("a ticket's draft", () => {
  it("is on the server a moment after it was typed, and on the next device", async () => {
    const here = device();
    here.writeReply("Dear Tom", null, 3);
    await saved();
    expect(server.draft).toMatchObject({ kind: "reply", text: "Dear Tom", thread_version: 3 });

    const there = device("there");
    await there.open();
    expect(typed(there)).toMatchObject({ reply: "Dear Tom", seen: 3, kind: "reply" });
  });

  it("is kept upon the version it was read at, again and again, and forgotten once it is empty", async () => {
    const here = device();
    for (const text of ["D", "De", ""]) {
      here.writeReply(text, null, 3);
      await saved();
      expect(server.draft?.text ?? "").toBe(text);
    }
  });

  it("never replaces what another device wrote meanwhile: that is offered, and either can be taken", async () => {
    const here = device();
    here.writeReply("from here", null, 3);
    await saved();
    const there = device("there");
    await there.open();
    there.writeReply("from there", null, 3);
    await saved();
    here.writeReply("from here, and more", null, 3);
    await saved();
    expect(server.draft?.text).toBe("from there");
    expect(here.state().other?.text).toBe("from there");
    expect(typed(here).reply).toBe("from here, and more");

    here.keepMine();
    await saved();
    expect(server.draft?.text).toBe("from here, and more");

    there.writeReply("from there again", null, 3);
    await saved();
    there.takeOther();
    expect(typed(there).reply).toBe("from here, and more");
    expect(there.state().other).toBeNull();
  });

  it("is taken over silently where nothing was written since", async () => {
    const here = device();
    here.writeReply("one", null, 3);
    await saved();
    const there = device("there");
    await there.open();
    there.writeReply("two", null, 3);
    await saved();

    const reloaded = device();
    await reloaded.open();
    expect(typed(reloaded).reply).toBe("two");
    expect(reloaded.state().other).toBeNull();
  });

  it("that was sent from another device is gone here, too, unless more was written", async () => {
    const here = device();
    here.writeReply("one", null, 3);
    await saved();
    server.draft = null;
    const reloaded = device();
    await reloaded.open();
    expect(typed(reloaded).reply).toBe("");
  });

  it("goes to the server once that is there again", async () => {
    const here = device();
    server.isDown = true;
    here.writeReply("offline", null, 3);
    await vi.advanceTimersByTimeAsync(2_000);
    server.isDown = false;
    await saved();
    expect(server.draft?.text).toBe("offline");
  });

  it("keeps a note and a reply apart, with their files, and sends the server the one that is open", async () => {
    const here = device();
    here.writeReply("Dear Tom", null, 3);
    here.addFile("reply", { id: "f1", name: "a.pdf", size: 1 });
    here.setKind("note");
    here.writeNote("he is angry");
    await saved();
    expect(server.draft).toMatchObject({ kind: "note", text: "he is angry", attachment_ids: [], html: null });
    expect(typed(here)).toMatchObject({ reply: "Dear Tom", note: "he is angry" });

    here.clear("note", { text: "he is angry", cc: [], attachmentIds: [] });
    server.draft = null;
    expect(typed(here)).toMatchObject({ reply: "Dear Tom", note: "" });
    expect(typed(here).files.reply).toHaveLength(1);
    await saved();
    expect(server.draft).toMatchObject({ kind: "reply", text: "Dear Tom" });
  });

  it("of the kind that the server has no room for is never replaced unasked", async () => {
    const here = device();
    here.writeReply("A", null, 3);
    here.setKind("note");
    here.writeNote("B");
    await saved();
    const there = device("there");
    await there.open();
    there.setKind("reply");
    there.writeReply("C", null, 3);
    await saved();
    expect(server.draft).toMatchObject({ kind: "reply", text: "C" });

    const reopened = device();
    await reopened.open();
    expect(typed(reopened)).toMatchObject({ kind: "note", reply: "A", note: "B" });
    expect(reopened.state().other?.text).toBe("C");
  });

  it("never turns into the other kind while it is written, whatever comes from elsewhere", async () => {
    const there = device("there");
    there.writeReply("C", null, 3);
    await saved();
    const here = device();
    here.setKind("note");
    const opening = here.open();
    await opening;
    expect(typed(here)).toMatchObject({ kind: "note", reply: "C", note: "" });
    here.writeNote("he lies");
    here.hold(false);
    here.giveBack({ text: "taken back", html: null, cc: [], files: [] }, 4);
    expect(typed(here)).toMatchObject({ kind: "note", note: "he lies" });

    const focused = device("focused");
    focused.hold(true);
    await saved();
    await focused.open();
    expect(typed(focused).kind).toBe("reply");
  });

  it("is sent with the same key until that has succeeded, after a reload, too", () => {
    const here = device();
    here.writeReply("Dear Tom", null, 3);
    const key = here.attemptKey("Dear Tom");
    const reloaded = device();
    expect(reloaded.attemptKey("Dear Tom")).toBe(key);
    reloaded.clear("reply", { text: "Dear Tom", cc: [], attachmentIds: [] });
    expect(reloaded.attemptKey("Dear Tom")).not.toBe(key);
  });

  it("keeps what was added while it was being sent", () => {
    const here = device();
    here.writeReply("Dear Tom", null, 3);
    here.addFile("reply", { id: "f1", name: "a.pdf", size: 1 });
    here.setCc(["a@b.de"]);
    here.addFile("reply", { id: "f2", name: "b.pdf", size: 1 });
    here.clear("reply", { text: "Dear Tom", cc: [], attachmentIds: ["f1"] });
    expect(typed(here)).toMatchObject({ reply: "", cc: ["a@b.de"], files: { reply: [{ id: "f2" }] } });
  });

  it("that was sent stays gone, though typing it is still being saved", async () => {
    const here = device();
    here.writeReply("sent", null, 3);
    await here.settle();
    here.clear("reply", { text: "sent", cc: [], attachmentIds: [] });
    server.draft = null;
    await saved();
    expect(server.draft).toBeNull();
    expect(localStorage).toHaveLength(0);
  });

  it("gives a reply back that was taken back, in front of what was begun since", () => {
    const here = device();
    const taken = { text: "first", html: null, cc: [], files: [] };
    here.giveBack(taken, 4);
    expect(typed(here)).toMatchObject({ reply: "first", seen: 4 });
    here.writeReply("second", "<p><b>second</b></p>", 4);
    here.giveBack(taken, 4);
    expect(typed(here).reply).toBe("first\n\nsecond");
    expect(typed(here).html).toBe("<p>first</p><p><b>second</b></p>");
  });

  it("that is being sent is not brought to the server again by leaving, and is if it could not be sent", async () => {
    const here = device();
    here.writeReply("sent", null, 3);
    here.setBusy("sending");
    await here.settle();
    here.flush();
    here.addFile("note", { id: "f1", name: "a.pdf", size: 1 });
    await saved();
    expect(server.draft).toBeNull();

    here.setBusy(null);
    await saved();
    expect(server.draft?.text).toBe("sent");
  });

  it("that was given back goes on from what the server put among the drafts, and is no other draft", async () => {
    const here = device();
    await server.keep({ kind: "reply", text: "taken back", cc: [], attachment_ids: [], thread_version: 4 }, 0);
    here.giveBack({ text: "taken back", html: null, cc: [], files: [] }, 4);
    await vi.advanceTimersByTimeAsync(0);
    here.writeReply("taken back, corrected", null, 4);
    await saved();
    expect(here.state().other).toBeNull();
    expect(server.draft?.text).toBe("taken back, corrected");
  });

  it("that was given back without an answer of the server gets there later", async () => {
    const here = device();
    server.isDown = true;
    here.giveBack({ text: "taken back", html: null, cc: [], files: [] }, 4);
    await vi.advanceTimersByTimeAsync(2_000);
    server.isDown = false;
    await saved();
    expect(server.draft?.text).toBe("taken back");
  });

  it("is the same in two windows of one browser: neither erases what the other kept", async () => {
    const first = device();
    first.writeReply("Dear", null, 3);
    const second = device();
    second.writeReply("Dear Tom", null, 3);
    second.setKind("note");
    second.writeNote("he is angry");
    const key = second.attemptKey("he is angry");
    // As the event `storage` has it.
    first.recall();
    expect(first.state()).toMatchObject({ revision: 1, draft: { kind: "reply", note: "he is angry" } });
    first.writeReply("Dear Tom, yes", null, 3);
    expect(typed(device())).toMatchObject({ reply: "Dear Tom, yes", note: "he is angry", attempt: { key } });

    second.writeReply("and on", null, 3);
    await first.open();
    expect(typed(first).reply).toBe("and on");
    second.clear("reply", { text: "and on", cc: [], attachmentIds: [] });
    second.clear("note", { text: "he is angry", cc: [], attachmentIds: [] });
    first.recall();
    await saved();
    expect(typed(first)).toMatchObject({ reply: "", note: "" });
    expect(server.draft).toBeNull();
  });

  it("of another window gets to the server from here if that window ends before, and else only from there", async () => {
    const here = device();
    const ended = device();
    ended.writeReply("Dear Tom", null, 3);
    await ended.settle();
    here.recall();
    await saved();
    expect(server.draft?.text).toBe("Dear Tom");

    const other = device();
    other.writeReply("Dear Tom, yes", null, 3);
    here.recall();
    await vi.advanceTimersByTimeAsync(1_000);
    here.recall();
    await saved();
    expect(server.draft).toMatchObject({ text: "Dear Tom, yes", version: 2 });
  });
});
