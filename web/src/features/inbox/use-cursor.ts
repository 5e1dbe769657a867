import { useState } from "react";
import { useCommand } from "@/features/commands/use-command.ts";
import type { TicketRow } from "@/lib/api/types.ts";
import type { View } from "./views.ts";

interface CursorInput {
  view: View;
  rows: readonly TicketRow[];
  openId: string | null;
  onOpen: (id: string) => void;
}

export interface Cursor {
  /** Its place in the rows; -1 before the first key. */
  index: number;
  /** How often a key has moved it in this view. */
  moves: number;
}

interface Place extends Cursor {
  view: View;
  id: string | null;
}

/**
 * The row the keyboard stands on.
 *
 * It follows its ticket when rows move, and keeps its place when the ticket leaves the list, so that `j` goes on from
 * there.
 */
export function useCursor({ view, rows, openId, onOpen }: CursorInput): Cursor {
  const start: Place = { view, id: openId, index: -1, moves: 0 };
  const [kept, setPlace] = useState(start);
  const place = kept.view === view ? kept : start;
  const index = locate(place, rows);

  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setPlace({ view, id: rows[next]?.id ?? null, index: next, moves: place.moves + 1 });
  };
  useCommand("next", "j", () => go(index + 1), rows.length > 0);
  useCommand("previous", "k", () => go(index - 1), rows.length > 0);
  useCommand(
    "open",
    "Enter",
    () => {
      const row = rows[Math.max(index, 0)];
      if (row) {
        onOpen(row.id);
      }
    },
    rows.length > 0,
  );

  return { index, moves: place.moves };
}

function locate(place: Place, rows: readonly TicketRow[]): number {
  if (place.index >= 0 && rows[place.index]?.id === place.id) {
    return place.index;
  }
  const found = rows.findIndex((row) => row.id === place.id);
  return found >= 0 ? found : Math.min(place.index, rows.length - 1);
}
