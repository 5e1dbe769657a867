import { storage } from "@/lib/storage.ts";

export type DraftKind = "reply" | "note";

/** A file that is uploaded and goes with the message. */
export interface DraftFile {
  id: string;
  name: string;
  size: number;
}

/**
 * What a person has begun to write in one ticket. A reply and a note are two texts with files of their own: one never
 * turns into the other.
 */
export interface Draft {
  kind: DraftKind;
  reply: string;
  note: string;
  /** The reply as it is formatted; null where it is plain, and its text says all. */
  html: string | null;
  cc: string[];
  files: Record<DraftKind, DraftFile[]>;
  /** The version of the thread when the reply was begun: what the writer had read. Null while there is no reply. */
  seen: number | null;
  /** The server's draft that this one was taken from or kept as; null while the server has none. */
  synced: { version: number; kind: DraftKind } | null;
  /** Whether something was written here that the server does not have. */
  isDirty: boolean;
  /** The last attempt at sending that is not known to have succeeded: repeated, it carries the same key. */
  attempt: { content: string; key: string } | null;
}

export const EMPTY_DRAFT: Draft = {
  kind: "reply",
  reply: "",
  note: "",
  html: null,
  cc: [],
  files: { reply: [], note: [] },
  seen: null,
  synced: null,
  isDirty: false,
  attempt: null,
};

/** The key that a draft is kept by. */
export function draftPlace(accountId: string, ticketId: string): string {
  return `desk.draft.${accountId}.${ticketId}`;
}

/** Whether there is anything of this kind that would be missed. */
export function isEmpty(draft: Draft, kind: DraftKind): boolean {
  return draft[kind].trim() === "" && draft.files[kind].length === 0 && (kind === "note" || draft.cc.length === 0);
}

/** So many files the server takes with one message. */
export const MOST_FILES = 20;

/** Why the server would not take this message, other than that nothing is in it; null if it would. */
export function hindrance(draft: Draft, kind: DraftKind): "needsText" | "tooManyFiles" | null {
  const count = draft.files[kind].length;
  if (count > MOST_FILES) {
    return "tooManyFiles";
  }
  return count > 0 && draft[kind].trim() === "" ? "needsText" : null;
}

/** The kind whose text the server keeps, which has room for one: the open one, unless only the other has any. */
export function keptKind(draft: Draft): DraftKind {
  return isEmpty(draft, draft.kind) && !isEmpty(draft, otherKind(draft.kind)) ? otherKind(draft.kind) : draft.kind;
}

export function otherKind(kind: DraftKind): DraftKind {
  return kind === "reply" ? "note" : "reply";
}

/** The draft kept for this person and ticket. Anything unreadable counts as none. */
export function loadDraft(accountId: string, ticketId: string): Draft {
  const text = storage.get(draftPlace(accountId, ticketId));
  if (text === null) {
    return EMPTY_DRAFT;
  }
  try {
    const kept: unknown = JSON.parse(text);
    // One kept before drafts had files and formatting lacks these.
    return isDraft(kept) ? { ...EMPTY_DRAFT, ...kept } : EMPTY_DRAFT;
  } catch {
    return EMPTY_DRAFT;
  }
}

/** Keeps the draft, or forgets it once nothing is in it. Returns whether the browser could keep it. */
export function saveDraft(accountId: string, ticketId: string, draft: Draft): boolean {
  if (isEmpty(draft, "reply") && isEmpty(draft, "note") && draft.synced === null) {
    storage.remove(draftPlace(accountId, ticketId));
    return true;
  }
  return storage.set(draftPlace(accountId, ticketId), JSON.stringify(draft));
}

function isDraft(value: unknown): value is Partial<Draft> {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const draft = value as Partial<Draft>;
  return (
    (draft.kind === "reply" || draft.kind === "note") &&
    typeof draft.reply === "string" &&
    typeof draft.note === "string" &&
    (draft.seen === null || typeof draft.seen === "number") &&
    (draft.html === undefined || draft.html === null || typeof draft.html === "string") &&
    (draft.cc === undefined || Array.isArray(draft.cc)) &&
    (draft.files === undefined || (Array.isArray(draft.files.reply) && Array.isArray(draft.files.note)))
  );
}
