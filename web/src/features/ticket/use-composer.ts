import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { flushSync } from "react-dom";
import type { Session, Status, TicketRow } from "@/lib/api/types.ts";
import { type Conflict, conflictOf } from "./conflict.ts";
import { hindrance } from "./drafts.ts";
import { mentionsIn } from "./mentions.ts";
import { agentsQuery, messagesQuery } from "./queries.ts";
import { undoSeconds } from "./undo-setting.ts";
import { useSend } from "./use-send.ts";
import { useTicketDraft } from "./use-ticket-draft.ts";

export interface SendOptions {
  /** What becomes of the ticket with the reply. */
  status?: Status | null;
  sendAt?: string | null;
  onlyIfUnanswered?: boolean;
  /** What came meanwhile, and was shown: it is sent all the same. */
  read?: Conflict;
}

/** What is written on a ticket, and how it leaves. */
export function useComposer(ticket: TicketRow, session: Session) {
  const writing = useTicketDraft(session.account_id, ticket.id);
  const { draft, uploads, uploading } = writing;
  const thread = useQuery(messagesQuery(ticket.id));
  const version = thread.data?.thread_version ?? null;
  const { kind } = writing.state.draft;
  const agents = useQuery({ ...agentsQuery, enabled: kind === "note" });
  const { busy } = writing.state;
  const [hasUnfinishedCopies, setUnfinishedCopies] = useState(false);
  const send = useSend(ticket, draft);
  const refused = writing.state.failed;
  const failed = refused?.outgoing.kind === kind ? refused : null;
  const conflict = failed && conflictOf(failed.error);

  const underway = uploading.filter((each) => each.kind === kind);
  // A reply says what its writer had read, a note whom it mentions: both have to be known by then.
  const isReady =
    kind === "reply"
      ? (writing.state.draft.seen ?? version) !== null && !hasUnfinishedCopies
      : !(agents.isLoading && writing.state.draft.note.includes("@"));
  const hindered = hindrance(writing.state.draft, kind);
  const hasText = writing.state.draft[kind].trim() !== "";
  const canSend = isReady && hasText && hindered === null && underway.length === 0 && busy === null;

  const submit = async (options: SendOptions = {}) => {
    if (!canSend || draft.state().busy !== null) {
      return;
    }
    // At once: what is typed after this is no part of the message, and must not be lost with it.
    flushSync(() => draft.setBusy("sending"));
    if (failed !== null) {
      draft.setFailed(null);
    }
    const { reply, note, html, cc, files, seen } = draft.state().draft;
    await draft.settle();
    const text = (kind === "reply" ? reply : note).trim();
    send.mutate({
      kind,
      text,
      html: kind === "reply" ? html : null,
      cc: kind === "reply" ? cc : [],
      attachmentIds: files[kind].map((file) => file.id),
      mentions: kind === "note" ? mentionsIn(text, agents.data ?? []) : [],
      // The same note has to be the same attempt, whatever came since.
      expectedVersion: kind === "reply" ? (options.read?.version ?? seen ?? version) : null,
      force: (options.read?.leaving.length ?? 0) > 0,
      status: options.status ?? null,
      undoSeconds: kind === "reply" ? undoSeconds() : 0,
      sendAt: options.sendAt ?? null,
      onlyIfUnanswered: options.onlyIfUnanswered ?? false,
    });
  };

  return {
    ...writing.state,
    writing: draft,
    uploads,
    underway,
    version,
    send,
    isSending: busy === "sending",
    canSend,
    hindered,
    hasUnfinishedCopies,
    setUnfinishedCopies,
    submit,
    conflict,
    error: conflict === null ? (failed?.error ?? null) : null,
    /** Of which kind what was refused is, while the other kind is shown. */
    refusedKind: failed === null ? (refused?.outgoing.kind ?? null) : null,
    sendAnyway: () => failed && conflict && void submit({ ...failed.outgoing, read: conflict }),
    /** Back to the text, having seen what came. */
    goOn: () => {
      if (conflict !== null) {
        draft.reread(conflict.version);
        draft.setFailed(null);
      }
    },
  };
}

export type Composing = ReturnType<typeof useComposer>;
