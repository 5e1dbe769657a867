import { type RefObject, useCallback, useLayoutEffect, useState } from "react";

interface InSight {
  first: number;
  /** Behind the last one. */
  end: number;
  /** Rows that fit into the box. */
  page: number;
  /** Scrolls no farther than it takes to show the row. */
  reveal: (place: number) => void;
}

/** Rows above and below those in sight that are drawn, so that none is missing while somebody scrolls. */
const OVERSCAN = 6;
/** Before the first measurement. */
const USUAL_HEIGHT = 800;

/** Which rows of a box are in sight. All rows are of one height, so that this costs the same however many there are. */
export function useRowsInSight(scroller: RefObject<HTMLElement | null>, rowHeight: number, count: number): InSight {
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(USUAL_HEIGHT);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    // The place in rows: scrolling inside of one draws nothing anew.
    const look = () => setTop(Math.floor(element.scrollTop / rowHeight));
    const measure = new ResizeObserver(() => setHeight(element.clientHeight || USUAL_HEIGHT));
    measure.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      measure.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [scroller, rowHeight]);

  const reveal = useCallback(
    (place: number) => {
      const element = scroller.current;
      if (element !== null && place >= 0) {
        const from = place * rowHeight;
        const lowest = from + rowHeight - element.clientHeight;
        element.scrollTop = Math.max(Math.min(element.scrollTop, from), lowest);
      }
    },
    [scroller, rowHeight],
  );
  return {
    first: Math.min(Math.max(0, top - OVERSCAN), Math.max(0, count - 1)),
    end: Math.min(count, top + Math.ceil(height / rowHeight) + 1 + OVERSCAN),
    page: Math.max(1, Math.floor(height / rowHeight) - 1),
    reveal,
  };
}
