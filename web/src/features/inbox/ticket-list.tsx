import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp } from "lucide-react";
import { useEffect, useEffectEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { TicketRow as Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { TicketRow } from "./ticket-row.tsx";
import type { Cursor } from "./use-cursor.ts";
import { useSteadyScroll } from "./use-steady-scroll.ts";

export const ROW_HEIGHT = 88;
/** Rows from the end at which the next page is fetched: a screenful or two ahead of the reader. */
const FETCH_AHEAD = 30;

interface TicketListProps {
  label: string;
  rows: readonly Ticket[];
  cursor: Cursor;
  openId: string | null;
  hasMore: boolean;
  onOpen: (ticket: Ticket) => void;
  onNeedMore: () => void;
}

/** The rows of a view. Only those in sight are in the document, however many there are. */
export function TicketList({ label, rows, cursor, openId, hasMore, onOpen, onNeedMore }: TicketListProps) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    // Before the first measurement, and where nothing is laid out.
    initialRect: { width: 380, height: 800 },
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const arrived = useSteadyScroll(scroller, rows, ROW_HEIGHT);

  useEffect(() => {
    if (hasMore && last >= rows.length - FETCH_AHEAD) {
      onNeedMore();
    }
  }, [hasMore, last, rows.length, onNeedMore]);

  const reveal = useEffectEvent(() => virtualizer.scrollToIndex(cursor.index, { align: "auto" }));
  useEffect(() => {
    // Only a key moves the sight and the focus: rows that shift by themselves must not take them from the writer.
    if (cursor.moves > 0) {
      reveal();
      // Enter opens the row the keys stand on, not whatever was pressed before.
      scroller.current?.focus({ preventScroll: true });
    }
  }, [cursor.moves]);

  const active = rows[cursor.index];
  return (
    <div className="relative min-h-0 flex-1">
      {arrived.count > 0 && (
        <div className="absolute inset-x-0 top-2 z-1 flex justify-center">
          <Button look="primary" onClick={arrived.show}>
            <ArrowUp aria-hidden className="size-4" />
            {t("list.arrived", { count: arrived.count })}
          </Button>
        </div>
      )}
      <div
        ref={scroller}
        role="listbox"
        aria-label={label}
        aria-activedescendant={active && `ticket-${active.id}`}
        tabIndex={0}
        className={`group h-full overflow-y-auto -outline-offset-2 ${active ? "focus-visible:outline-none" : ""}`}
      >
        <div role="presentation" className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => {
            const ticket = rows[item.index];
            return (
              ticket && (
                // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the active option, through the registry
                <div
                  key={item.key}
                  id={`ticket-${ticket.id}`}
                  role="option"
                  aria-selected={ticket.id === openId}
                  aria-setsize={hasMore ? -1 : rows.length}
                  aria-posinset={item.index + 1}
                  data-active={item.index === cursor.index || undefined}
                  tabIndex={-1}
                  onClick={() => onOpen(ticket)}
                  style={{ transform: `translateY(${item.start}px)`, height: ROW_HEIGHT }}
                  className="absolute inset-x-0 top-0 flex cursor-default flex-col justify-center gap-1 border-s-2 border-b border-s-transparent border-b-line px-3 hover:bg-hover aria-selected:bg-selected data-active:border-s-accent data-active:outline-accent group-focus-visible:data-active:outline-2 group-focus-visible:data-active:-outline-offset-2"
                >
                  <TicketRow ticket={ticket} />
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}
