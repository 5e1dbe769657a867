import { useCallback, useState } from "react";
import { type Draft, type DraftKind, loadDraft, saveDraft } from "./drafts.ts";

interface DraftHandle {
  draft: Draft;
  text: string;
  setKind: (kind: DraftKind) => void;
  /** `version` is the thread's at this moment; a reply begun now was written knowing that much. */
  write: (text: string, version: number | null) => void;
  /** Declares that the writer has read the thread up to `version`. */
  reread: (version: number | null) => void;
  clear: (kind: DraftKind) => void;
  /** False when the browser refuses to keep the draft: it would not survive a reload. */
  isKept: boolean;
}

/** The draft of one ticket, written down with every change. */
export function useDraft(accountId: string, ticketId: string): DraftHandle {
  const [draft, setDraft] = useState(() => loadDraft(accountId, ticketId));
  const [isKept, setKept] = useState(true);

  const change = useCallback(
    (next: (draft: Draft) => Draft) => {
      setDraft((old) => {
        const changed = next(old);
        setKept(saveDraft(accountId, ticketId, changed));
        return changed;
      });
    },
    [accountId, ticketId],
  );

  return {
    draft,
    text: draft[draft.kind],
    setKind: useCallback((kind) => change((old) => ({ ...old, kind })), [change]),
    write: (text, version) =>
      change((old) => ({
        ...old,
        [old.kind]: text,
        ...(old.kind === "reply" && { seen: text === "" ? null : (old.seen ?? version) }),
      })),
    reread: (version) => change((old) => ({ ...old, seen: version })),
    clear: (kind) => change((old) => ({ ...old, [kind]: "", ...(kind === "reply" && { seen: null }) })),
    isKept,
  };
}
