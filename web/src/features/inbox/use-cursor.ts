import { useCallback, useState } from "react";
import { useCommand } from "@/features/commands/use-command.ts";
import type { List } from "./rows.ts";

interface CursorInput {
  rows: List["rows"];
  openId: string | null;
  onOpen: (id: string) => void;
}

export interface Cursor {
  /** Its place in the rows; -1 before the first key. */
  index: number;
  /** How often it was moved on purpose in this list. */
  moves: number;
  go: (to: number) => void;
  /** Stands it on a row that was pressed: what is in sight stays there, and the focus where it is. */
  stand: (place: number, id: string) => void;
}

interface Place {
  id: string | null;
  index: number;
  moves: number;
}

/**
 * The row the keyboard stands on.
 *
 * It follows its ticket when rows move, and keeps its place when the ticket leaves the list, so that `j` goes on from
 * there.
 */
export function useCursor({ rows, openId, onOpen }: CursorInput): Cursor {
  const [place, setPlace] = useState<Place>({ id: openId, index: -1, moves: 0 });
  const index = locate(place, rows);
  const here = rows[index]?.id;
  if (place.id === null && here !== undefined) {
    // The row it was sent to is known now: from here on it follows that ticket.
    setPlace({ ...place, id: here });
  }

  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setPlace({ id: rows[next]?.id ?? null, index: next, moves: place.moves + 1 });
  };
  const stand = useCallback((place: number, id: string) => setPlace(({ moves }) => ({ id, index: place, moves })), []);
  const enabled = rows.length > 0;
  useCommand({ id: "next", group: "list", key: "j", run: () => go(index + 1), enabled });
  useCommand({ id: "previous", group: "list", key: "k", run: () => go(index - 1), enabled });
  const open = () => {
    const row = rows[Math.max(index, 0)];
    if (row) {
      onOpen(row.id);
    }
  };
  useCommand({ id: "open", group: "list", key: "Enter", run: open, enabled });

  return { index, moves: place.moves, go, stand };
}

/** Where the ticket is now: mostly where it was. */
export function locate({ id, index }: Pick<Place, "id" | "index">, rows: List["rows"]): number {
  if (id !== null && rows[index]?.id !== id) {
    const found = rows.findIndex((row) => row?.id === id);
    if (found >= 0) {
      return found;
    }
  }
  return Math.min(index, rows.length - 1);
}
