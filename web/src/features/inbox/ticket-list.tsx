import { ArrowUp } from "lucide-react";
import { type KeyboardEvent, useEffect, useEffectEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { ListOption } from "./list-option.tsx";
import type { List } from "./rows.ts";
import type { Cursor } from "./use-cursor.ts";
import { useRowsInSight } from "./use-rows-in-sight.ts";
import type { Selection } from "./use-selection.ts";
import { useSteadyScroll } from "./use-steady-scroll.ts";

export const ROW_HEIGHT = 88;
/** With a line of what was found. */
export const FOUND_ROW_HEIGHT = 112;

interface TicketListProps {
  label: string;
  list: List;
  rowHeight: number;
  cursor: Cursor;
  selection: Selection;
  openId: string | null;
  onOpen: (id: string) => void;
  onShow: (from: number, to: number) => void;
}

/** The rows of a view. Only those in sight are in the document, however many there are. */
export function TicketList({ label, list, rowHeight, cursor, selection, openId, onOpen, onShow }: TicketListProps) {
  const { t } = useTranslation();
  const { rows } = list;
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end, page, reveal } = useRowsInSight(scroller, rowHeight, rows.length);
  const arrived = useSteadyScroll(scroller, rows, rowHeight, cursor.index);
  useEffect(() => onShow(first, end), [onShow, first, end]);

  const show = useEffectEvent(() => reveal(cursor.index));
  useEffect(() => {
    // Only a key moves the sight and the focus: rows that shift by themselves must not take them from the writer.
    if (cursor.moves > 0) {
      show();
      // Enter opens the row the keys stand on, not whatever was pressed before.
      scroller.current?.focus({ preventScroll: true });
    }
  }, [cursor.moves]);

  const steps: Record<string, number> = {
    ArrowDown: cursor.index + 1,
    ArrowUp: cursor.index - 1,
    PageDown: cursor.index + page,
    PageUp: cursor.index - page,
    Home: 0,
    End: rows.length - 1,
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = steps[event.key];
    if (to !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      if (event.shiftKey && event.key.startsWith("Arrow")) {
        selection.extend(to, cursor.index);
      }
      cursor.go(to);
    } else if (event.key === " ") {
      event.preventDefault();
      selection.toggle(cursor.index);
    }
  };

  const active = rows[cursor.index];
  const isWhole = list.total.exactness === "exact" || list.next === null;
  return (
    <div className="relative min-h-0 flex-1">
      {arrived.count > 0 && (
        <div className="pointer-events-none absolute inset-x-0 top-2 z-1 flex justify-center">
          <span className="pointer-events-auto rounded-sm shadow-pop">
            <Button look="primary" onClick={arrived.show}>
              <ArrowUp aria-hidden className="size-4" />
              {t("list.arrived", { count: arrived.count })}
            </Button>
          </span>
        </div>
      )}
      <div
        ref={scroller}
        role="listbox"
        aria-label={label}
        aria-multiselectable
        aria-activedescendant={active && `ticket-${active.id}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        className={`group h-full overflow-y-auto -outline-offset-2 ${active ? "focus-visible:outline-none" : ""}`}
      >
        <div role="presentation" className="relative" style={{ height: rows.length * rowHeight }}>
          {Array.from({ length: end - first }, (_, step) => first + step).map((place) => (
            <ListOption
              key={rows[place]?.id ?? place}
              row={rows[place]}
              place={place}
              size={isWhole ? rows.length : -1}
              height={rowHeight}
              isActive={place === cursor.index}
              isOpen={rows[place] !== undefined && rows[place].id === openId}
              isSelected={selection.has(rows[place]?.id)}
              isSelecting={selection.count > 0}
              onStand={cursor.stand}
              onOpen={onOpen}
              onToggle={selection.toggle}
              onExtend={selection.extend}
            />
          ))}
        </div>
      </div>
    </div>
  );
}
