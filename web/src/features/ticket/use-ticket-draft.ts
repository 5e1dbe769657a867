import { useEffect, useState, useSyncExternalStore } from "react";
import { answer, tickets } from "@/lib/api/client.ts";
import { draftPlace } from "./drafts.ts";
import { type DraftState, type DraftStore, TicketDraft } from "./ticket-draft.ts";
import { type Uploading, Uploads } from "./uploads.ts";

interface Writing {
  draft: TicketDraft;
  uploads: Uploads;
}

/** What is being written in this window: files go on being uploaded to tickets that are not open any more. */
const begun = new Map<string, Writing>();

/** The draft of one ticket with its files, and the state of both as it is now. */
export function useTicketDraft(
  accountId: string,
  ticketId: string,
): Writing & { state: DraftState; uploading: readonly Uploading[] } {
  const [{ draft, uploads }] = useState(() => writingOf(accountId, ticketId));
  const state = useSyncExternalStore(draft.subscribe, draft.state);
  const uploading = useSyncExternalStore(uploads.subscribe, uploads.list);

  useEffect(() => {
    void draft.open();
    const flush = () => draft.flush();
    // The last event that phones are sure to send before they end a page.
    document.addEventListener("visibilitychange", flush);
    return () => {
      document.removeEventListener("visibilitychange", flush);
      draft.hold(false);
      draft.flush();
    };
  }, [draft]);

  return { draft, uploads, state, uploading };
}

function writingOf(accountId: string, ticketId: string): Writing {
  const key = draftPlace(accountId, ticketId);
  if (begun.size === 0) {
    // Other windows of this browser write the same drafts.
    window.addEventListener("storage", (kept) => begun.get(kept.key ?? "")?.draft.recall());
  }
  const known = begun.get(key);
  if (known !== undefined) {
    return known;
  }
  const draft = new TicketDraft(accountId, ticketId, serverDraft(ticketId));
  const uploads = new Uploads((kind, file) => draft.addFile(kind, file));
  begun.set(key, { draft, uploads });
  return { draft, uploads };
}

function serverDraft(ticketId: string): DraftStore {
  const path = { ticket_id: ticketId };
  const params = (version: number) => ({ path, header: { "if-match": `"${version}"` } });
  return {
    read: async () => (await answer(tickets.GET("/api/tickets/{ticket_id}/draft", { params: { path } }))).draft,
    keep: async (body, version) => {
      const { draft } = await answer(tickets.PUT("/api/tickets/{ticket_id}/draft", { params: params(version), body }));
      if (draft === null) {
        throw new Error("the server kept no draft");
      }
      return draft;
    },
    forget: async (version) => {
      await answer(tickets.DELETE("/api/tickets/{ticket_id}/draft", { params: params(version) }));
    },
  };
}
