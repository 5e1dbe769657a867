import { ArrowDownUp } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Ticket, TicketRow } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { OpenButton } from "./open-button.tsx";
import { TicketCard } from "./ticket-card.tsx";
import { TicketPicker } from "./ticket-picker.tsx";
import { mergeProblem, useMerge, useUnmerge } from "./use-merge.ts";

interface MergeSheetProps {
  ticket: Ticket;
  onClose: () => void;
}

/** Two tickets that are one: which goes into which, and, once it is done, the way back. */
export default function MergeSheet({ ticket, onClose }: MergeSheetProps) {
  const { t } = useTranslation(["links", "desk"]);
  const [other, setOther] = useState<TicketRow | null>(null);
  const [isSwapped, setSwapped] = useState(false);
  const merge = useMerge();

  // The older one stays, as long as it can: it is what the customer referred to first.
  const staysByItself = other === null || (ticket.status !== "closed" && ticket.number < other.number);
  const stays = staysByItself !== isSwapped;
  const [source, target] = stays ? [other, ticket] : [ticket, other];
  const pick = (picked: TicketRow | null) => {
    setOther(picked);
    setSwapped(false);
    merge.reset();
  };

  if (merge.isSuccess && source && target) {
    return (
      <Sheet title={t("merge.title")} isOpen onClose={onClose}>
        <Merged source={source} target={target} shownId={ticket.id} onClose={onClose} />
      </Sheet>
    );
  }
  const areDifferent = other !== null && other.requester.customer_id !== ticket.requester.customer_id;
  return (
    <Sheet title={t("merge.title")} isOpen onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (source && target) {
            merge.mutate({ source: source.id, target: target.id, acrossCustomers: areDifferent });
          }
        }}
        className="flex flex-col gap-4"
      >
        <p className="text-sm text-ink-soft">{t("merge.hint")}</p>
        <TicketPicker except={ticket.id} onPick={pick} />
        {source && target && (
          <div className="flex flex-col gap-2">
            <TicketCard title={t("merge.goesIn")} ticket={source} />
            <div className="self-center">
              <Button look="quiet" onClick={() => setSwapped(!isSwapped)}>
                <ArrowDownUp aria-hidden className="size-4" />
                {t("merge.swap")}
              </Button>
            </div>
            <TicketCard title={t("merge.stays")} ticket={target} />
          </div>
        )}
        {areDifferent && (
          <label className="flex items-start gap-2 rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
            <input type="checkbox" required className="mt-0.5 size-4 shrink-0" />
            {t("merge.customers")}
          </label>
        )}
        <div role="alert" className="text-sm text-bad empty:hidden">
          {merge.error && mergeProblem(t, merge.error)}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("cancel")}</Button>
          {source && target && (
            <Button look="primary" type="submit" disabled={merge.isPending}>
              {t("merge.submit", { source: source.number, target: target.number })}
            </Button>
          )}
        </div>
      </form>
    </Sheet>
  );
}

interface MergedProps {
  source: TicketRow;
  target: TicketRow;
  /** The ticket that is open beneath. */
  shownId: string;
  onClose: () => void;
}

function Merged({ source, target, shownId, onClose }: MergedProps) {
  const { t } = useTranslation(["links", "desk"]);
  const undo = useUnmerge();
  return (
    <>
      <p role="status" className="text-sm">
        {undo.isSuccess
          ? t("merge.undone", { source: source.number })
          : t("merge.done", { source: source.number, target: target.number })}
      </p>
      <div role="alert" className="text-sm text-bad empty:hidden">
        {undo.error && mergeProblem(t, undo.error)}
      </div>
      <div className="flex flex-wrap justify-end gap-2">
        {!undo.isSuccess && (
          <Button onClick={() => undo.mutate({ source: source.id, target: target.id })} disabled={undo.isPending}>
            {t("merge.undo")}
          </Button>
        )}
        {!undo.isSuccess && target.id !== shownId && <OpenButton ticket={target} onOpen={onClose} />}
        <Button look="primary" onClick={onClose}>
          {t("merge.close")}
        </Button>
      </div>
    </>
  );
}
