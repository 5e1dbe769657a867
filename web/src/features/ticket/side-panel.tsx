import { X } from "lucide-react";
import { type KeyboardEvent, useEffect, useEffectEvent, useId, useRef } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { CustomerPanel } from "@/features/customer/customer-panel.tsx";
import { HistoryPanel } from "@/features/history/history-panel.tsx";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { DetailsPanel } from "./details-panel.tsx";
import { openSelect } from "./open-select.ts";
import { type PanelState, TABS, type Tab } from "./use-panel.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

interface SidePanelProps {
  ticket: Ticket;
  session: Session;
  edit: TicketEdit;
  panel: PanelState;
}

/** What there is to know of a ticket beside what was said: beside the thread, or over it where there is no room. */
export function SidePanel(props: SidePanelProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const { ticket, panel } = props;
  const group = "ticket";
  const isOpen = ticket.status !== "closed";
  const priority = () => panel.show("details", "priority");
  const tags = () => panel.show("details", "tags");
  useCommand({
    id: "ticket:priority",
    group,
    key: "p",
    label: t("panel:command.priority"),
    run: priority,
    enabled: isOpen,
  });
  useCommand({ id: "ticket:tags", group, key: "t", label: t("panel:command.tags"), run: tags, enabled: isOpen });
  useCommand({
    id: "ticket:customer",
    group,
    key: "c",
    label: t("panel:command.customer"),
    run: () => panel.show("customer"),
  });
  useCommand({
    id: "ticket:details",
    group,
    key: "d",
    label: t("panel:command.details"),
    run: () => panel.show("details"),
  });
  useCommand({
    id: "ticket:history",
    group,
    key: "h",
    label: t("panel:command.history"),
    run: () => panel.show("history"),
  });

  if (!panel.isOpen) {
    return null;
  }
  if (panel.isDocked) {
    return (
      <aside aria-label={t("panel:label")} className="flex min-h-0 w-80 shrink-0 flex-col border-s border-line">
        <Tabs {...props} />
      </aside>
    );
  }
  return (
    <ModalOverlay
      isOpen
      onOpenChange={(open) => !open && panel.hide()}
      isDismissable
      data-overlay=""
      className="fixed inset-0 z-10 flex justify-end bg-[oklch(0.15_0.02_265/0.45)]"
    >
      <Modal className="flex h-full w-full max-w-96 flex-col border-s border-line bg-surface shadow-pop">
        <Dialog aria-label={t("panel:label")} className="flex min-h-0 flex-1 flex-col outline-none">
          <Tabs {...props} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Tabs({ ticket, session, edit, panel }: SidePanelProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const tabs = useRef<Partial<Record<Tab, HTMLButtonElement | null>>>({});
  const { property, times } = panel.wanted;

  const focusWanted = useEffectEvent(() => {
    if (property === null) {
      tabs.current[panel.tab]?.focus();
    } else {
      openSelect(body.current?.querySelector(`[data-property="${property}"]`) ?? null);
    }
  });
  // What a key asked for has the focus; a panel that was there already takes it from nobody.
  useEffect(() => {
    if (times > 0) {
      focusWanted();
    }
  }, [times]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const forth = getComputedStyle(event.currentTarget).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      const at = TABS.indexOf(panel.tab) + (event.key === forth ? 1 : -1);
      const next = TABS[(at + TABS.length) % TABS.length];
      if (next) {
        panel.show(next);
      }
    }
  };

  return (
    <>
      <div className="flex items-center justify-between border-b border-line ps-2 pe-2">
        <div role="tablist" aria-label={t("panel:label")} onKeyDown={onKeyDown} className="flex">
          {TABS.map((tab) => (
            <button
              key={tab}
              ref={(element) => {
                tabs.current[tab] = element;
              }}
              type="button"
              role="tab"
              id={`${id}-${tab}`}
              aria-selected={panel.tab === tab}
              aria-controls={`${id}-panel`}
              tabIndex={panel.tab === tab ? 0 : -1}
              onClick={() => panel.show(tab)}
              className="h-10 border-b-2 border-transparent px-2 text-sm text-ink-soft -outline-offset-2 transition-colors hover:text-ink aria-selected:border-accent aria-selected:font-medium aria-selected:text-ink"
            >
              {t(`panel:tabs.${tab}`)}
            </button>
          ))}
        </div>
        <Button look="quiet" size="icon" aria-label={t("panel:hide")} onClick={panel.hide}>
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      <div
        ref={body}
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${panel.tab}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto -outline-offset-2"
      >
        {panel.tab === "details" && <DetailsPanel ticket={ticket} session={session} edit={edit} />}
        {panel.tab === "customer" && <CustomerPanel customerId={ticket.requester.customer_id} ticketId={ticket.id} />}
        {panel.tab === "history" && <HistoryPanel ticket={ticket} />}
      </div>
    </>
  );
}
