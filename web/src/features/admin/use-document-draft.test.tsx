// @vitest-environment jsdom
import { act } from "react";
import { afterEach, beforeEach, expect, it } from "vitest";
import { beginUnsaved } from "@/lib/unsaved.ts";
import { mount } from "./mount-for-tests.tsx";
import { useDocumentDraft } from "./use-document-draft.ts";

interface Doc {
  version: number;
  words: string;
}

let editor: ReturnType<typeof useDocumentDraft<Doc>>;
let show: (now: Doc | null) => void;
/** What is on its way to the server, with the version that it is to be written over. */
let asked: { sent: Doc; ifMatch: string; answer: (kept: Doc) => void; refuse: (error: Error) => void }[];

function Editor({ now }: { now: Doc }) {
  editor = useDocumentDraft(now, {
    queryKey: ["document"],
    put: (sent, ifMatch) =>
      new Promise((answer, refuse) => {
        asked.push({ sent, ifMatch, answer, refuse });
      }),
  });
  return null;
}

const change = (words: string) => act(() => editor.change({ words }));
/** What becomes of a save is told a moment later. */
const settled = () => act(() => new Promise((resolve) => setTimeout(resolve, 50)));
async function save(): Promise<void> {
  act(() => editor.draft && editor.save.mutate(editor.draft));
  await settled();
}
async function answered(place: number, kept: Doc): Promise<void> {
  asked[place]?.answer(kept);
  await settled();
}
const shown = () => (editor.draft ?? editor.seen).words;

beforeEach(() => {
  asked = [];
  const next = mount(<Editor now={{ version: 1, words: "old" }} />);
  show = (now) => next(now && <Editor now={now} />);
});
afterEach(() => show(null));

it("keeps what was changed while a save was on its way, and saves it over what that made", async () => {
  change("first");
  await save();
  change("second");
  await answered(0, { version: 2, words: "first" });
  expect([shown(), editor.isOvertaken]).toEqual(["second", false]);
  await save();
  expect(asked.map(({ sent, ifMatch }) => [sent.words, ifMatch])).toEqual([
    ["first", '"1"'],
    ["second", '"2"'],
  ]);
  await answered(1, { version: 3, words: "second" });
  expect([editor.draft, shown()]).toEqual([null, "second"]);
});

it.each([
  ["changed", () => editor.change({ words: "second" })],
  ["discarded", () => editor.discard()],
])("is still being saved when it is %s meanwhile, and not saved twice over one version", async (_, meanwhile) => {
  change("first");
  await save();
  act(meanwhile);
  await settled();
  expect(editor.save.isPending).toBe(true);
  await answered(0, { version: 2, words: "first" });
  expect(editor.save.isPending).toBe(false);
});

it("says no more why it was not saved once it is changed again", async () => {
  change("first");
  await save();
  asked[0]?.refuse(new Error("refused"));
  await settled();
  expect(editor.save.error?.message).toBe("refused");
  change("second");
  await settled();
  expect(editor.save.error).toBeNull();
});

it("shows what others saved once its own is discarded, whatever else was begun in this page", () => {
  const begun: (() => void)[] = [];
  act(() => void begun.push(beginUnsaved()));
  change("mine");
  show({ version: 2, words: "theirs" });
  expect([shown(), editor.isOvertaken]).toEqual(["mine", true]);
  act(() => editor.discard());
  expect(shown()).toBe("theirs");
  act(() => begun[0]?.());
});
