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

interface Place {
  view: View;
  id: string | null;
  index: number;
}

/**
 * The row the keyboard stands on, as an index into `rows` (-1 before the first key).
 *
 * It follows its ticket when rows move, and keeps its place when the ticket leaves the list, so that `j` goes on from
 * there.
 */
export function useCursor({ view, rows, openId, onOpen }: CursorInput): number {
  const [place, setPlace] = useState<Place>({ view, id: openId, index: -1 });
  const index = locate(place.view === view ? place : { view, id: openId, index: -1 }, rows);

  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setPlace({ view, id: rows[next]?.id ?? null, index: next });
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

  return index;
}

function locate(place: Place, rows: readonly TicketRow[]): number {
  if (place.index >= 0 && rows[place.index]?.id === place.id) {
    return place.index;
  }
  const found = rows.findIndex((row) => row.id === place.id);
  return found >= 0 ? found : Math.min(place.index, rows.length - 1);
}
