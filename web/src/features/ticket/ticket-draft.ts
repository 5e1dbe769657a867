import { statusOf } from "@/lib/api/problem.ts";
import type { DraftBody, ServerDraft } from "@/lib/api/types.ts";
import {
  type Draft,
  type DraftFile,
  type DraftKind,
  EMPTY_DRAFT,
  isEmpty,
  keptKind,
  loadDraft,
  saveDraft,
} from "./drafts.ts";
import type { Outgoing } from "./use-send.ts";

/** The server's one draft of this person on this ticket. `keep` and `forget` raise `ApiError` 412 for another version. */
export interface DraftStore {
  read: () => Promise<ServerDraft | null>;
  keep: (body: DraftBody, version: number) => Promise<ServerDraft>;
  forget: (version: number) => Promise<void>;
}

export interface DraftState {
  draft: Draft;
  /** False when the browser refuses to keep the draft: it would not survive a reload. */
  isKept: boolean;
  /** What was written on another device while something else was written here. */
  other: ServerDraft | null;
  /** Counts the times the reply was put there by anything but typing: an editor has to take it over. */
  revision: number;
  /** What is being done with the text, which stays as it is until then; in whichever page it was begun. */
  busy: "sending" | "macro" | null;
  /** Why what was sent last did not leave; told until it is tried again, in whichever page. */
  failed: { error: Error; outgoing: Outgoing } | null;
}

/** What left with a message of the kind that is cleared after it. */
export interface SentText {
  text: string;
  cc: readonly string[];
  attachmentIds: readonly string[];
}

/** What of a reply comes from elsewhere: a text taken back, or one that a macro wrote. */
export type Given = Pick<Draft, "html" | "cc"> & { text: string; files: DraftFile[] };

const SAVE_MS = 1_000;
const RETRY_MS = 15_000;

/**
 * The draft of one ticket: kept in this browser with every change, and on the server a moment later.
 *
 * What another device wrote is taken over where nothing here would be lost by it, and offered where something would.
 * Nothing that comes from elsewhere turns a note into a reply, or a reply into a note, while somebody writes it.
 */
export class TicketDraft {
  readonly #accountId: string;
  readonly #ticketId: string;
  readonly #store: DraftStore;
  readonly #listeners = new Set<() => void>();
  #state: DraftState;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isHeld = false;

  constructor(accountId: string, ticketId: string, store: DraftStore) {
    this.#accountId = accountId;
    this.#ticketId = ticketId;
    this.#store = store;
    const draft = loadDraft(accountId, ticketId);
    this.#state = { draft, isKept: true, other: null, revision: 0, busy: null, failed: null };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  state = (): DraftState => this.#state;

  setKind(kind: DraftKind): void {
    this.#isHeld = true;
    this.#set({ draft: { ...this.#state.draft, kind } });
  }

  /** Whether somebody is in the field: whatever they type next must be of the kind that they see. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  setBusy(busy: DraftState["busy"]): void {
    this.#set({ busy });
    if (busy === null && this.#state.draft.isDirty) {
      this.#schedule(SAVE_MS);
    }
  }

  setFailed(failed: DraftState["failed"]): void {
    this.#set({ failed });
  }

  /** Takes over what another window of this browser has kept: written from here, its text would be lost. */
  recall(): void {
    const { draft, isKept, revision } = this.#state;
    const found = loadDraft(this.#accountId, this.#ticketId);
    if (!isKept || JSON.stringify({ ...found, kind: draft.kind }) === JSON.stringify(draft)) {
      return;
    }
    if (found.isDirty) {
      // That window brings it to the server, unless it ends before.
      this.#schedule(RETRY_MS);
    } else {
      this.#cancel();
    }
    // It shows the kind that it likes.
    const kind = this.#isHeld ? draft.kind : keptKind({ ...found, kind: draft.kind });
    this.#show({
      ...this.#state,
      draft: { ...found, kind },
      other: null,
      failed: null,
      revision: isSameReply(found, draft) ? revision : revision + 1,
    });
  }

  /** The key of an attempt at sending this; the same for the same message, after a reload, too. */
  attemptKey(content: string): string {
    const { draft } = this.#state;
    if (draft.attempt?.content === content) {
      return draft.attempt.key;
    }
    const key = crypto.randomUUID();
    this.#set({ draft: { ...draft, attempt: { content, key } } });
    return key;
  }

  /** `version` is the thread's at this moment; a reply begun now was written knowing that much. */
  writeReply(text: string, html: string | null, version: number | null): void {
    const { seen } = this.#state.draft;
    this.#change({ reply: text, html, seen: text === "" ? null : (seen ?? version) });
  }

  writeNote(text: string): void {
    this.#change({ note: text });
  }

  setCc(cc: string[]): void {
    this.#change({ cc });
  }

  addFile(kind: DraftKind, file: DraftFile): void {
    this.#setFiles(kind, [...this.#state.draft.files[kind], file]);
  }

  removeFile(kind: DraftKind, id: string): void {
    this.#setFiles(
      kind,
      this.#state.draft.files[kind].filter((file) => file.id !== id),
    );
  }

  /** Declares that the writer has read the thread up to `version`. */
  reread(version: number | null): void {
    this.#set({ draft: { ...this.#state.draft, seen: version } });
  }

  /** What was sent is no draft any more; the server has forgotten it by itself. What came since stays. */
  clear(kind: DraftKind, sent: SentText): void {
    const { draft } = this.#state;
    const left = draft.files[kind].filter((file) => !sent.attachmentIds.includes(file.id));
    const cc = kind === "reply" ? draft.cc.filter((address) => !sent.cc.includes(address)) : draft.cc;
    const cleared = draft[kind].trim() === sent.text.trim() ? without(draft, kind) : { ...draft, attempt: null };
    this.#put(
      { ...cleared, cc, files: { ...draft.files, [kind]: left } },
      { synced: draft.synced?.kind === kind ? null : draft.synced },
    );
    if (!isEmpty(this.#state.draft, keptKind(this.#state.draft))) {
      this.#change({});
    }
  }

  /** Puts a reply back that was to leave: in front of whatever has been begun since, unless it is there already. */
  giveBack(reply: Given, version: number | null): void {
    const { draft } = this.#state;
    const kind = this.#kindAfter("reply");
    const cc = [...new Set([...reply.cc, ...draft.cc])];
    const files = { ...draft.files, reply: joined(reply.files, draft.files.reply) };
    if (draft.reply.trim() === "") {
      this.#put({ ...draft, kind, ...replyOf(reply), cc, files, seen: version }, { isDirty: true });
    } else if (draft.reply.includes(reply.text.trim())) {
      this.#put({ ...draft, kind, cc, files }, { isDirty: true });
    } else {
      const html =
        draft.html === null && reply.html === null
          ? null
          : (reply.html ?? asHtml(reply.text)) + (draft.html ?? asHtml(draft.reply));
      const text = `${reply.text}\n\n${draft.reply}`;
      this.#put({ ...draft, kind, reply: text, html, cc, files }, { isDirty: true });
    }
    // The server has put it among the drafts by itself: the same text is upon that version, and no other draft.
    void this.#ask();
  }

  /** Looks at what this browser and the server have. Called when the ticket is opened. */
  async open(): Promise<void> {
    this.recall();
    await this.#ask();
  }

  /** Takes over what the server has, whatever is here: a macro has just written it below what was here. */
  async pull(): Promise<void> {
    const found = await this.#store.read();
    if (found !== null) {
      const added = this.#state.draft.files[found.kind].filter((file) => !found.attachment_ids.includes(file.id));
      this.#adopt(found);
      // Files go on being uploaded meanwhile.
      for (const file of added) {
        this.addFile(found.kind, file);
      }
    }
  }

  /** The draft of another device in the place of the one written here. */
  takeOther(): void {
    const { draft, other } = this.#state;
    if (other !== null) {
      this.#adopt(other);
      if (other.kind !== draft.kind) {
        this.setKind(other.kind);
      }
    }
  }

  /** The draft written here in the place of the other device's. */
  keepMine(): void {
    const found = this.#state.other;
    if (found !== null) {
      this.#set({ other: null, draft: { ...this.#state.draft, synced: syncedTo(found) } });
      this.#change({});
    }
  }

  /** Waits until nothing is on its way to the server, and starts nothing more until the next change. */
  async settle(): Promise<void> {
    this.#cancel();
    await this.#saving;
  }

  /** Brings the text of this kind to the server now, even an empty one: what follows is written below it. */
  async keepNow(kind: DraftKind): Promise<void> {
    await this.settle();
    this.#set({ draft: { ...this.#state.draft, kind: this.#kindAfter(kind) } });
    const { draft } = this.#state;
    const kept = await this.#store.keep(bodyOf(draft, kind), draft.synced?.version ?? 0);
    this.#set({
      draft: { ...this.#state.draft, synced: syncedTo(kept), isDirty: draft.isDirty && draft.kind !== kind },
    });
  }

  /** Saves what is not saved yet; called when the ticket is left or the window hidden. */
  flush(): void {
    if (this.#timer !== undefined) {
      this.#cancel();
      this.#save();
    }
  }

  async #ask(): Promise<void> {
    try {
      this.#meet(await this.#store.read());
    } catch {
      // Without the server the draft of this browser is the draft.
      if (this.#state.draft.isDirty) {
        this.#schedule(RETRY_MS);
      }
    }
  }

  #setFiles(kind: DraftKind, files: DraftFile[]): void {
    this.#change({ files: { ...this.#state.draft.files, [kind]: files } });
  }

  #change(changed: Partial<Draft>): void {
    this.#set({ draft: { ...this.#state.draft, ...changed, isDirty: true } });
    this.#schedule(SAVE_MS);
  }

  #schedule(milliseconds: number): void {
    this.#cancel();
    this.#timer = setTimeout(() => this.#save(), milliseconds);
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #save(): void {
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#saveNow());
  }

  async #saveNow(): Promise<void> {
    const { draft, other, busy } = this.#state;
    // What is being sent ends the server's draft: brought there now, it would outlive its own message.
    if (other !== null || !draft.isDirty || busy === "sending") {
      return;
    }
    const kind = keptKind(draft);
    try {
      if (isEmpty(draft, kind)) {
        if (draft.synced?.kind === kind) {
          await this.#store.forget(draft.synced.version);
          this.#synced(draft, null);
        }
      } else {
        this.#synced(draft, await this.#store.keep(bodyOf(draft, kind), draft.synced?.version ?? 0));
      }
    } catch (error) {
      if (statusOf(error) === 412) {
        await this.#ask();
      } else if (statusOf(error) === null || (statusOf(error) ?? 0) >= 500) {
        this.#schedule(RETRY_MS);
      }
    }
  }

  #synced(saved: Draft, kept: ServerDraft | null): void {
    // What was typed meanwhile is still to be saved, upon this version.
    const isDirty = this.#state.draft.isDirty && !isSameText(saved, this.#state.draft);
    this.#set({ draft: { ...this.#state.draft, synced: kept && syncedTo(kept), isDirty } });
  }

  #meet(found: ServerDraft | null): void {
    const { draft } = this.#state;
    if (found === null) {
      if (draft.synced !== null && !draft.isDirty) {
        // Sent or discarded elsewhere, and nothing was written here since.
        this.#put(without(draft, draft.synced.kind), { synced: null });
      } else if (draft.synced !== null || !isEmpty(draft, draft.kind)) {
        this.#set({ draft: { ...draft, synced: null } });
        this.#change({});
      }
    } else if (found.version === draft.synced?.version) {
      if (draft.isDirty) {
        this.#schedule(SAVE_MS);
      }
    } else if (isEmpty(draft, found.kind) || (!draft.isDirty && draft.synced?.kind === found.kind)) {
      // The server has room for one kind only: a text of the other is nowhere but here.
      this.#adopt(found);
    } else if (draft[found.kind] === found.text) {
      this.#set({ draft: { ...draft, synced: syncedTo(found) } });
      this.#schedule(SAVE_MS);
    } else {
      this.#set({ other: found });
    }
  }

  #adopt(found: ServerDraft): void {
    const { draft } = this.#state;
    const known = new Map(draft.files[found.kind].map((file) => [file.id, file]));
    const files = found.attachment_ids.map((id) => known.get(id) ?? { id, name: "", size: 0 });
    const taken =
      found.kind === "reply" ? { ...replyOf(found), seen: found.thread_version || null } : { note: found.text };
    const isDirty = draft.isDirty && keptKind(draft) !== found.kind;
    const kind = this.#kindAfter(found.kind);
    this.#put(
      { ...draft, kind, ...taken, files: { ...draft.files, [found.kind]: files } },
      { synced: syncedTo(found), isDirty },
    );
    this.#set({ other: null });
    if (isDirty) {
      this.#schedule(SAVE_MS);
    }
  }

  /** The kind to show once a text of `given` has come: that, unless something else is being written. */
  #kindAfter(given: DraftKind): DraftKind {
    const { draft } = this.#state;
    return this.#isHeld || !isEmpty(draft, draft.kind) ? draft.kind : given;
  }

  #put(draft: Draft, sync: Partial<Pick<Draft, "synced" | "isDirty">>): void {
    const { draft: before, revision } = this.#state;
    // An editor that takes over what it has would lose its caret.
    const isSame = isSameReply(draft, before);
    this.#set({ draft: { ...draft, isDirty: false, ...sync }, revision: isSame ? revision : revision + 1 });
  }

  #set(changed: Partial<DraftState>): void {
    const next = { ...this.#state, ...changed };
    const isKept = changed.draft ? saveDraft(this.#accountId, this.#ticketId, next.draft) : next.isKept;
    this.#show({ ...next, isKept });
  }

  #show(state: DraftState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Both lists, each file once. */
function joined(first: DraftFile[], second: DraftFile[]): DraftFile[] {
  return [...new Map([...first, ...second].map((file) => [file.id, file])).values()];
}

function without(draft: Draft, kind: DraftKind): Draft {
  const { html, cc, seen } = kind === "reply" ? EMPTY_DRAFT : draft;
  return { ...draft, [kind]: "", html, cc, seen, files: { ...draft.files, [kind]: [] }, attempt: null };
}

function replyOf({ text, html, cc }: Pick<Given, "text" | "html" | "cc">) {
  return { reply: text, html, cc };
}

function syncedTo({ version, kind }: ServerDraft): Draft["synced"] {
  return { version, kind };
}

function isSameReply(a: Draft, b: Draft): boolean {
  return a.reply === b.reply && a.html === b.html && `${a.cc}` === `${b.cc}`;
}

function isSameText(a: Draft, b: Draft): boolean {
  const kind = keptKind(b);
  return keptKind(a) === kind && a[kind] === b[kind] && a.html === b.html && a.cc === b.cc && a.files === b.files;
}

function bodyOf(draft: Draft, kind: DraftKind): DraftBody {
  return {
    kind,
    text: draft[kind],
    html: kind === "reply" ? draft.html : null,
    cc: kind === "reply" ? draft.cc : [],
    attachment_ids: draft.files[kind].map((file) => file.id),
    thread_version: draft.seen ?? 0,
  };
}

/** Plain text as paragraphs. */
export function asHtml(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return escaped
    .split("\n\n")
    .map((paragraph) => `<p>${paragraph.replaceAll("\n", "<br>")}</p>`)
    .join("");
}
