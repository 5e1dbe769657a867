import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { ComboBox, Input, Label, ListBox, ListBoxItem, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { NewTicket } from "./new-ticket.ts";
import { customersQuery, type Known, LEAST } from "./queries.ts";

interface RequesterFieldProps {
  ticket: NewTicket;
  onChange: (part: Pick<NewTicket, "requester" | "customer" | "byPhone">) => void;
  problem: string | undefined;
}

/** Whom a ticket is for: an address, or one of the customers whom what is written finds. */
export function RequesterField({ ticket, onChange, problem }: RequesterFieldProps) {
  const { t } = useTranslation(["newTicket", "desk"]);
  const { requester, customer } = ticket;
  const [hintId, problemId] = [useId(), useId()];
  const wanted = customer === null ? requester.trim() : "";
  const found = useQuery(customersQuery(wanted));
  const items = customer === null ? (found.data ?? []) : [];
  const pick = (id: unknown) => {
    const picked = items.find((each) => each.id === id);
    if (picked) {
      onChange({ requester: nameOf(picked), customer: picked.id, byPhone: !picked.hasEmail });
    }
  };
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <ComboBox
        items={items}
        inputValue={requester}
        onInputChange={(written) =>
          written !== requester && onChange({ requester: written, customer: null, byPhone: false })
        }
        value={null}
        onChange={pick}
        allowsCustomValue
        // Open before anybody is found: hits come later than what is typed.
        allowsEmptyCollection={wanted.length >= LEAST}
        isRequired
        validationBehavior="aria"
        isInvalid={problem !== undefined}
        className="flex min-w-0 flex-col gap-1"
      >
        <Label className="text-xs text-ink-soft">{t("requester")} *</Label>
        <Input
          dir="auto"
          inputMode="email"
          autoComplete="off"
          maxLength={254}
          aria-describedby={`${hintId} ${problemId}`}
          className="h-8 w-full min-w-0 rounded-sm border border-control bg-surface px-2 text-sm text-ink aria-invalid:border-bad"
        />
        <Popover
          data-overlay=""
          className="max-h-72 w-(--trigger-width) overflow-auto rounded-md border border-line bg-raised p-1 shadow-pop"
        >
          <ListBox
            className="outline-none"
            renderEmptyState={() => (
              <p className="px-2 py-1.5 text-sm text-ink-soft">
                {found.isFetching ? t("desk:common.loading") : t("nobody")}
              </p>
            )}
          >
            {(each: Known) => (
              <ListBoxItem
                id={each.id}
                textValue={nameOf(each)}
                className="flex min-h-8 cursor-default flex-wrap items-center gap-x-2 rounded-sm px-2 py-1 text-sm text-ink outline-none data-focused:bg-hover"
              >
                <bdi className="min-w-0 truncate">{each.name || t("desk:ticket.nameless")}</bdi>
                <bdi className="min-w-0 truncate text-ink-faint">{each.address}</bdi>
              </ListBoxItem>
            )}
          </ListBox>
        </Popover>
      </ComboBox>
      <p id={hintId} className="text-xs text-ink-faint">
        {customer === null ? t("requesterHint") : t("known")}
      </p>
      <p id={problemId} className="text-xs text-bad empty:hidden">
        {problem}
      </p>
    </div>
  );
}

function nameOf({ name, address }: Known): string {
  return [name, address].filter(Boolean).join(" · ");
}
