import type { SlaClock } from "@/lib/api/types.ts";

export interface Span {
  start: string;
  /** Null while it lasts. */
  end: string | null;
  /** Whether it counted; a pause did not. */
  counts: boolean;
}

/** What a clock counted and the pauses between, oldest first; a clock that is paused ends with its pause. */
export function spansOf({ intervals, stopped_at }: Pick<SlaClock, "intervals" | "stopped_at">): Span[] {
  return intervals.flatMap(({ start, end }, index) => {
    const next = intervals[index + 1]?.start ?? stopped_at;
    const counted: Span = { start, end, counts: true };
    return end === null || end === next ? [counted] : [counted, { start: end, end: next, counts: false }];
  });
}
