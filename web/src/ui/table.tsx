import type { ReactNode } from "react";

interface TableProps {
  label: string;
  children: ReactNode;
}

/**
 * A table that scrolls sideways by itself where the window is narrow, by keyboard, too.
 *
 * `relative`, so that words for screen readers scroll with it and do not widen the page.
 */
export function Table({ label, children }: TableProps) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="relative overflow-x-auto rounded-md border border-line bg-surface -outline-offset-2"
    >
      <table className="w-full border-collapse text-sm [&_td]:border-t [&_td]:border-line [&_td]:px-3 [&_td]:py-2 [&_td]:align-baseline [&_th]:px-3 [&_th]:py-2 [&_tbody_th]:border-t [&_tfoot_th]:border-t [&_th]:align-baseline [&_th]:text-start [&_th]:font-medium [&_thead_th]:text-xs [&_thead_th]:text-ink-soft">
        {children}
      </table>
    </section>
  );
}
