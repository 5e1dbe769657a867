import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { List } from "./rows.ts";

type Rows = readonly ({ id: string } | undefined)[];

interface Arrived {
  /** Rows that came in above what is being read. */
  count: number;
  /** Scrolls up to them. */
  show: () => void;
}

/** How far a row is looked for from where it was. */
const REACH = 3_000;

/**
 * Keeps what is being read where it is when rows come or go above it, and counts what came in meanwhile.
 *
 * What is being read is the row of the cursor, if it is in sight, or else the first one in sight. At the top of a list
 * in which nobody reads, rows come in at once.
 */
export function useSteadyScroll(
  scroller: RefObject<HTMLElement | null>,
  rows: List["rows"],
  rowHeight: number,
  cursor: number,
): Arrived {
  const before = useRef({ rows, cursor });
  const [count, setCount] = useState(0);

  useLayoutEffect(() => {
    const element = scroller.current;
    const old = before.current;
    before.current = { rows, cursor };
    if (element === null || old.rows === rows || (element.scrollTop < rowHeight / 2 && old.cursor < 0)) {
      return;
    }
    const top = Math.floor(element.scrollTop / rowHeight);
    const inSight = old.cursor >= top && (old.cursor + 1) * rowHeight <= element.scrollTop + element.clientHeight;
    const read = inSight ? old.cursor : top;
    const moved = shift(old.rows, rows, read);
    if (moved !== 0) {
      element.scrollTop += moved * rowHeight;
    }
    const came = arrivals(old.rows, rows, read, moved);
    if (came > 0) {
      setCount((known) => known + came);
    }
  }, [rows, rowHeight, scroller, cursor]);

  useEffect(() => {
    const element = scroller.current;
    const clear = () => {
      if (element !== null && element.scrollTop < rowHeight / 2) {
        setCount(0);
      }
    };
    element?.addEventListener("scroll", clear, { passive: true });
    return () => element?.removeEventListener("scroll", clear);
  }, [scroller, rowHeight]);

  return { count, show: () => scroller.current?.scrollTo({ top: 0 }) };
}

/** By how many places the first row still there, from `top` on, has moved. */
export function shift(old: Rows, now: Rows, top: number): number {
  for (let index = top; index < Math.min(old.length, top + 50); index += 1) {
    const id = old[index]?.id;
    for (let away = 0; id !== undefined && away < REACH; away += 1) {
      if (now[index + away]?.id === id) {
        return away;
      }
      if (now[index - away]?.id === id) {
        return -away;
      }
    }
  }
  return 0;
}

/**
 * How many rows came in above the row `top`, which has moved so far: others may have left in the same moment.
 *
 * Where not all rows above were known, those that are new cannot be told from those that were only fetched.
 */
export function arrivals(old: Rows, now: Rows, top: number, moved: number): number {
  const from = Math.max(0, top - REACH);
  const above = old.slice(from, top);
  if (above.includes(undefined)) {
    return Math.max(0, moved);
  }
  const known = new Set(above.map((row) => row?.id));
  return now.slice(from, top + moved).filter((row) => row !== undefined && !known.has(row.id)).length;
}
