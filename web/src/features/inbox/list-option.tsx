import { Check } from "lucide-react";
import { type MouseEvent, memo } from "react";
import { useTranslation } from "react-i18next";
import type { ListRow } from "./source.ts";
import { TicketRow } from "./ticket-row.tsx";

interface ListOptionProps {
  row: ListRow | undefined;
  place: number;
  size: number;
  height: number;
  isActive: boolean;
  isOpen: boolean;
  isSelected: boolean;
  /** Whether any row is selected: the boxes to tick then stay in sight. */
  isSelecting: boolean;
  onStand: (place: number, id: string) => void;
  onOpen: (id: string) => void;
  onToggle: (place: number) => void;
  onExtend: (place: number) => void;
}

/** One place of the list: its ticket, or a shimmer until that is there. */
export const ListOption = memo(function ListOption(props: ListOptionProps) {
  const { row, place, size, height, isActive, isOpen, isSelected, isSelecting } = props;
  const { t } = useTranslation();
  const box = { transform: `translateY(${place * height}px)`, height };
  const press = (event: MouseEvent) => {
    if (row === undefined) {
      return;
    }
    props.onStand(place, row.id);
    if (event.shiftKey) {
      props.onExtend(place);
    } else if (event.ctrlKey || event.metaKey) {
      props.onToggle(place);
    } else {
      props.onOpen(row.id);
    }
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the active option, through the registry
    <div
      id={row ? `ticket-${row.id}` : undefined}
      role="option"
      aria-label={row ? undefined : t("common.loading")}
      aria-selected={isSelected}
      aria-current={isOpen || undefined}
      aria-setsize={size}
      aria-posinset={place + 1}
      data-active={isActive || undefined}
      tabIndex={-1}
      onClick={press}
      style={box}
      className="group/row absolute inset-x-0 top-0 flex cursor-default select-none items-stretch border-s-2 border-b border-s-transparent border-b-line pe-3 hover:bg-hover aria-current:bg-selected aria-selected:bg-accent-soft data-active:border-s-accent data-active:outline-accent group-focus-visible:data-active:outline-2 group-focus-visible:data-active:-outline-offset-2"
    >
      {row === undefined ? (
        <span className="flex flex-1 flex-col justify-center gap-2 ps-8">
          <span className="shimmer h-3 w-2/5" />
          <span className="shimmer h-4 w-4/5" />
          <span className="shimmer h-3 w-3/5" />
        </span>
      ) : (
        <>
          {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: `x` does it by key */}
          <span
            className="grid w-8 shrink-0 place-items-center"
            onClick={(event) => {
              event.stopPropagation();
              props.onStand(place, row.id);
              if (event.shiftKey) {
                props.onExtend(place);
              } else {
                props.onToggle(place);
              }
            }}
          >
            <span
              className={`grid size-4 place-items-center rounded-sm border transition-opacity ${
                isSelected ? "border-accent bg-accent text-on-accent" : "border-control bg-surface"
              } ${isSelected || isSelecting ? "" : "opacity-0 group-hover/row:opacity-100 group-data-active/row:opacity-100"}`}
            >
              {isSelected && <Check aria-hidden className="size-3" />}
            </span>
          </span>
          <span className="flex min-w-0 flex-1 flex-col justify-center gap-1">
            <TicketRow ticket={row} />
          </span>
        </>
      )}
    </div>
  );
});
