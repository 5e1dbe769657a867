import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { ComboBox, Input, Label, ListBox, ListBoxItem, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { TicketRow } from "@/lib/api/types.ts";
import { foundQuery } from "./queries.ts";

interface TicketPickerProps {
  /** Not to be found: the ticket itself. */
  except: string;
  onPick: (ticket: TicketRow | null) => void;
}

/** Finds another ticket by its number or by words. */
export function TicketPicker({ except, onPick }: TicketPickerProps) {
  const { t } = useTranslation(["desk", "links"]);
  const [text, setText] = useState("");
  const [picked, setPicked] = useState<TicketRow | null>(null);
  const isPicked = picked !== null && text === nameOf(picked);
  const wanted = useDeferredValue(isPicked ? "" : text.trim());
  const found = useQuery(foundQuery(wanted));
  const items = (found.data ?? []).filter((ticket) => ticket.id !== except);

  const pick = (ticket: TicketRow | null) => {
    setPicked(ticket);
    setText(ticket === null ? "" : nameOf(ticket));
    onPick(ticket);
  };
  const write = (written: string) => {
    setText(written);
    if (picked !== null && written !== nameOf(picked)) {
      setPicked(null);
      onPick(null);
    }
  };
  return (
    <ComboBox
      items={items}
      inputValue={text}
      onInputChange={write}
      value={null}
      onChange={(key) => pick(items.find((ticket) => ticket.id === key) ?? picked)}
      allowsCustomValue
      // Open without a hit it says so; once one is picked there is nothing to say.
      allowsEmptyCollection={!isPicked && text.trim() !== ""}
      className="flex min-w-0 flex-col gap-1"
    >
      <Label className="text-xs text-ink-soft">{t("links:find")}</Label>
      <Input
        dir="auto"
        placeholder={t("links:findHint")}
        className="h-8 w-full min-w-0 rounded-sm border border-control bg-surface px-2 text-sm text-ink placeholder:text-ink-faint"
      />
      <Popover
        data-overlay=""
        className="max-h-72 w-(--trigger-width) overflow-auto rounded-md border border-line bg-raised p-1 shadow-pop"
      >
        <ListBox
          className="outline-none"
          renderEmptyState={() => (
            <p className="px-2 py-1.5 text-sm text-ink-soft">
              {found.isFetching ? t("common.loading") : t("links:nothing")}
            </p>
          )}
        >
          {(ticket: TicketRow) => (
            <ListBoxItem
              id={ticket.id}
              textValue={nameOf(ticket)}
              className="flex min-h-8 cursor-default items-center gap-2 rounded-sm px-2 py-1 text-sm text-ink outline-none data-focused:bg-hover"
            >
              <span className="text-ink-faint tabular-nums">#{ticket.number}</span>
              <bdi className="min-w-0 flex-1 truncate">{ticket.subject || t("ticket.noSubject")}</bdi>
              <bdi className="max-w-32 truncate text-xs text-ink-faint">{ticket.requester.name}</bdi>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}

function nameOf(ticket: TicketRow): string {
  return `#${ticket.number} ${ticket.subject}`;
}
