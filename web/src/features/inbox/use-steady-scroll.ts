import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { TicketRow } from "@/lib/api/types.ts";

interface Arrived {
  /** Rows that came in above what is being read. */
  count: number;
  /** Scrolls up to them. */
  show: () => void;
}

/** Keeps what is being read where it is when rows come or go above it, and counts what came in meanwhile. */
export function useSteadyScroll(
  scroller: RefObject<HTMLElement | null>,
  rows: readonly TicketRow[],
  rowHeight: number,
): Arrived {
  const before = useRef(rows);
  const [count, setCount] = useState(0);

  useLayoutEffect(() => {
    const element = scroller.current;
    const old = before.current;
    before.current = rows;
    if (element === null || old === rows || element.scrollTop < rowHeight / 2) {
      return;
    }
    const top = Math.floor(element.scrollTop / rowHeight);
    const moved = shift(old, rows, top);
    if (moved !== 0) {
      element.scrollTop += moved * rowHeight;
      setCount((known) => Math.max(0, known + Math.max(0, moved)));
    }
  }, [rows, rowHeight, scroller]);

  useEffect(() => {
    const element = scroller.current;
    const clear = () => {
      if (element !== null && element.scrollTop < rowHeight) {
        setCount(0);
      }
    };
    element?.addEventListener("scroll", clear, { passive: true });
    return () => element?.removeEventListener("scroll", clear);
  }, [scroller, rowHeight]);

  return { count, show: () => scroller.current?.scrollTo({ top: 0 }) };
}

/** By how many places the first row still there, from `top` on, has moved. */
export function shift(old: readonly { id: string }[], now: readonly { id: string }[], top: number): number {
  const places = new Map(now.map((row, index) => [row.id, index]));
  for (let index = top; index < Math.min(old.length, top + 50); index += 1) {
    const place = places.get(old[index]?.id ?? "");
    if (place !== undefined) {
      return place - index;
    }
  }
  return 0;
}
