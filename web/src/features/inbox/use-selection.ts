import { useCallback, useMemo, useRef, useState } from "react";
import type { List } from "./rows.ts";

export interface Selection {
  /** How many: of all, as many as the list has. */
  count: number;
  /** All of the list, whatever is in it, not those that were ticked. */
  isAll: boolean;
  ids: readonly string[];
  has: (id: string | undefined) => boolean;
  /** Ticks a row, or no longer. Of all nothing is left: what one row less than all is, no server could be told. */
  toggle: (place: number) => void;
  /** Everything between `from`, or the row that was ticked last, and this one. */
  extend: (place: number, from?: number) => void;
  all: () => void;
  clear: () => void;
}

const NONE: ReadonlySet<string> = new Set();

/** The tickets that something is about to be done to. */
export function useSelection(list: List | undefined): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string> | "all">(NONE);
  const isAll = chosen === "all";
  const ids = isAll ? NONE : chosen;
  const last = useRef<string | null>(null);
  const latest = useRef(list);
  latest.current = list;

  const toggle = useCallback((place: number) => {
    const id = latest.current?.rows[place]?.id;
    if (id !== undefined) {
      last.current = id;
      setChosen((known) =>
        known === "all"
          ? NONE
          : known.has(id)
            ? new Set([...known].filter((each) => each !== id))
            : new Set([...known, id]),
      );
    }
  }, []);
  const extend = useCallback((place: number, from?: number) => {
    const rows = latest.current?.rows ?? [];
    const anchor = from ?? rows.findIndex((row) => row?.id === last.current);
    const start = anchor < 0 ? place : anchor;
    const between = rows.slice(Math.max(0, Math.min(start, place)), Math.max(start, place) + 1);
    last.current = rows[start]?.id ?? null;
    setChosen((known) => (known === "all" ? known : new Set([...known, ...between.flatMap((row) => row?.id ?? [])])));
  }, []);
  const clear = useCallback(() => {
    last.current = null;
    setChosen(NONE);
  }, []);
  const all = useCallback(() => setChosen("all"), []);

  return useMemo(
    () => ({
      count: isAll ? (list?.total.count ?? 0) : ids.size,
      isAll,
      ids: [...ids],
      has: (id) => id !== undefined && (isAll || ids.has(id)),
      toggle,
      extend,
      all,
      clear,
    }),
    [ids, isAll, list?.total.count, toggle, extend, all, clear],
  );
}
