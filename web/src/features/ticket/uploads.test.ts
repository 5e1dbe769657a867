// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import { ApiError } from "@/lib/api/problem.ts";
import type { KeptFile } from "@/lib/api/types.ts";
import { isUnsaved } from "@/lib/unsaved.ts";
import { isWorthRetrying, Uploads } from "./uploads.ts";

const file = (name: string) => new File(["x"], name);

/** An edge that answers when the test says so. */
function edge() {
  const asked: { name: string; accept: () => void; refuse: (error: unknown) => void; cancel: () => void }[] = [];
  const send = ({ name }: File) => {
    const cancel = vi.fn();
    const done = new Promise<KeptFile>((resolve, reject) => {
      const accept = () => resolve({ id: `id of ${name}`, name, size_bytes: 1 } as KeptFile);
      cancel.mockImplementation(() => reject(new DOMException("cancelled", "AbortError")));
      asked.push({ name, accept, refuse: reject, cancel });
    });
    return { done, cancel };
  };
  return { asked, send };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

it("files are sent three at a time, and each becomes part of the message it was added to", async () => {
  const { asked, send } = edge();
  const kept: string[] = [];
  const uploads = new Uploads((kind, done) => kept.push(`${kind}: ${done.id}`), send);
  uploads.add("reply", ["a", "b", "c", "d"].map(file));
  uploads.add("note", [file("e")]);
  expect(asked.map((each) => each.name)).toEqual(["a", "b", "c"]);
  for (let turn = 0; turn < 5; turn += 1) {
    asked[turn]?.accept();
    await settled();
  }
  expect(kept).toEqual(["reply: id of a", "reply: id of b", "reply: id of c", "reply: id of d", "note: id of e"]);
  expect(uploads.list()).toEqual([]);
});

it("one that fails stays to be sent again; one that is cancelled never arrives", async () => {
  const { asked, send } = edge();
  const onDone = vi.fn();
  const uploads = new Uploads(onDone, send);
  uploads.add("reply", [file("a")]);
  asked[0]?.refuse(new TypeError("offline"));
  await settled();
  const [failed] = uploads.list();
  expect(failed?.error).toBeInstanceOf(TypeError);
  uploads.retry(failed?.key ?? "");
  uploads.remove(failed?.key ?? "");
  await settled();
  expect(asked[1]?.cancel).toHaveBeenCalledOnce();
  expect(onDone).not.toHaveBeenCalled();
  expect(uploads.list()).toEqual([]);
});

it("a page does not load itself again while files are on their way", async () => {
  const { asked, send } = edge();
  const uploads = new Uploads(vi.fn(), send);
  uploads.add("reply", ["a", "b"].map(file));
  asked[0]?.accept();
  await settled();
  expect(isUnsaved()).toBe(true);
  asked[1]?.accept();
  await settled();
  expect(isUnsaved()).toBe(false);
});

it("a refusal is no matter of trying again", () => {
  expect(isWorthRetrying(new ApiError(422, {}))).toBe(false);
  expect(isWorthRetrying(new ApiError(413, {}))).toBe(false);
  expect(isWorthRetrying(new ApiError(503, {}))).toBe(true);
  expect(isWorthRetrying(new TypeError("offline"))).toBe(true);
});
