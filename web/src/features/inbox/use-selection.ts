import { useCallback, useMemo, useRef, useState } from "react";
import { KEPT_AROUND, type List } from "./rows.ts";

export interface Selection {
  /** How many: of all, as many as the list has. */
  count: number;
  /** All of the list, whatever is in it, not those that were ticked. */
  isAll: boolean;
  ids: readonly string[];
  has: (id: string | undefined) => boolean;
  /** Ticks a row, or no longer. Of all nothing is left: what one row less than all is, no server could be told. */
  toggle: (place: number) => void;
  /** Everything between `from`, or the row that was ticked last, and this one; rows that are not known are fetched. */
  extend: (place: number, from?: number) => void;
  all: () => void;
  clear: () => void;
  /** Rows that were last to be ticked could not be had: none of them was. */
  isShort: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/** The tickets that something is about to be done to; `load` fetches what is not known of some rows, and gives all. */
export function useSelection(
  list: List | undefined,
  load: (from: number, to: number) => Promise<List["rows"]>,
): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string> | "all">(NONE);
  const isAll = chosen === "all";
  const ids = isAll ? NONE : chosen;
  const [isShort, setShort] = useState(false);
  const last = useRef<string | null>(null);
  const clearings = useRef(0);
  const latest = useRef({ list, load });
  latest.current = { list, load };

  const toggle = useCallback((place: number) => {
    const id = latest.current.list?.rows[place]?.id;
    setShort(false);
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
    const rows = latest.current.list?.rows ?? [];
    const anchor = from ?? rows.findIndex((row) => row?.id === last.current);
    if (from === undefined && last.current !== null && anchor < 0) {
      // Too far away, it was forgotten where that row is: this one alone would look like all between them.
      setShort(true);
      return;
    }
    const start = anchor < 0 ? place : anchor;
    const first = Math.max(0, Math.min(start, place));
    const end = Math.min(Math.max(start, place) + 1, rows.length);
    const choose = (between: List["rows"]) => {
      // Half of them would look like all.
      const isWhole = !between.includes(undefined);
      setShort(!isWhole);
      if (isWhole) {
        setChosen((known) =>
          known === "all" ? known : new Set([...known, ...between.flatMap((row) => row?.id ?? [])]),
        );
      }
    };
    last.current = rows[start]?.id ?? null;
    const between = rows.slice(first, end);
    if (!between.includes(undefined) || end - first > KEPT_AROUND) {
      choose(between);
      return;
    }
    const before = clearings.current;
    const chooseOf = (now: List["rows"]) => {
      // Rows may have moved meanwhile: the range goes from the one ticket to the other.
      const placeNow = (at: number) => (rows[at] ? now.findIndex((row) => row?.id === rows[at]?.id) : at);
      const ends = [placeNow(first), placeNow(end - 1)];
      if (clearings.current === before) {
        choose(Math.min(...ends) < 0 ? [undefined] : now.slice(Math.min(...ends), Math.max(...ends) + 1));
      }
    };
    setShort(false);
    latest.current.load(first, end).then(chooseOf, () => chooseOf([]));
  }, []);
  const clear = useCallback(() => {
    last.current = null;
    clearings.current += 1;
    setShort(false);
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
      isShort,
    }),
    [ids, isAll, list?.total.count, toggle, extend, all, clear, isShort],
  );
}
