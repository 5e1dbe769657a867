import { storage } from "@/lib/storage.ts";

export type DraftKind = "reply" | "note";

/** What a person has begun to write in one ticket. A reply and a note are two texts: one never turns into the other. */
export interface Draft {
  kind: DraftKind;
  reply: string;
  note: string;
  /** The version of the thread when the reply was begun: what the writer had read. Null while there is no reply. */
  seen: number | null;
}

export const EMPTY_DRAFT: Draft = { kind: "reply", reply: "", note: "", seen: null };

function place(accountId: string, ticketId: string): string {
  return `desk.draft.${accountId}.${ticketId}`;
}

/** The draft kept for this person and ticket. Anything unreadable counts as none. */
export function loadDraft(accountId: string, ticketId: string): Draft {
  const text = storage.get(place(accountId, ticketId));
  if (text === null) {
    return EMPTY_DRAFT;
  }
  try {
    const kept: unknown = JSON.parse(text);
    return isDraft(kept) ? kept : EMPTY_DRAFT;
  } catch {
    return EMPTY_DRAFT;
  }
}

/** Keeps the draft, or forgets it once both texts are empty. Returns whether the browser could keep it. */
export function saveDraft(accountId: string, ticketId: string, draft: Draft): boolean {
  if (draft.reply === "" && draft.note === "") {
    storage.remove(place(accountId, ticketId));
    return true;
  }
  return storage.set(place(accountId, ticketId), JSON.stringify(draft));
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const draft = value as Partial<Draft>;
  return (
    (draft.kind === "reply" || draft.kind === "note") &&
    typeof draft.reply === "string" &&
    typeof draft.note === "string" &&
    (draft.seen === null || typeof draft.seen === "number")
  );
}
