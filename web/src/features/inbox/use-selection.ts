import { useCallback, useMemo, useRef, useState } from "react";
import type { List } from "./rows.ts";

export interface Selection {
  /** How many: of all, as many as the list has. */
  count: number;
  /** All of the list, whatever is in it, not those that were ticked. */
  isAll: boolean;
  ids: readonly string[];
  has: (id: string | undefined) => boolean;
  toggle: (place: number) => void;
  /** Everything between `from`, or the row that was ticked last, and this one. */
  extend: (place: number, from?: number) => void;
  all: () => void;
  clear: () => void;
}

/** The tickets that something is about to be done to. */
export function useSelection(list: List | undefined): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setAll] = useState(false);
  const last = useRef<string | null>(null);
  const latest = useRef(list);
  latest.current = list;

  const toggle = useCallback((place: number) => {
    const id = latest.current?.rows[place]?.id;
    if (id !== undefined) {
      last.current = id;
      setAll(false);
      setIds((known) => (known.has(id) ? new Set([...known].filter((each) => each !== id)) : new Set([...known, id])));
    }
  }, []);
  const extend = useCallback((place: number, from?: number) => {
    const rows = latest.current?.rows ?? [];
    const anchor = from ?? rows.findIndex((row) => row?.id === last.current);
    const start = anchor < 0 ? place : anchor;
    const between = rows.slice(Math.max(0, Math.min(start, place)), Math.max(start, place) + 1);
    last.current = rows[start]?.id ?? null;
    setAll(false);
    setIds((known) => new Set([...known, ...between.flatMap((row) => row?.id ?? [])]));
  }, []);
  const clear = useCallback(() => {
    last.current = null;
    setAll(false);
    setIds(new Set());
  }, []);
  const all = useCallback(() => setAll(true), []);

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
