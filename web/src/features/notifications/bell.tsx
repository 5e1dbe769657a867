import { useQuery } from "@tanstack/react-query";
import { Bell as BellIcon, BellOff } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button as AriaButton, Popover as AriaPopover, Dialog, DialogTrigger, Heading } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { Button, buttonClass } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { NotificationText } from "./notification-text.tsx";
import { type Notification, notificationsQuery } from "./queries.ts";
import { allowDesktop, hasDesktop, useSetting } from "./settings.ts";
import { Toasts } from "./toasts.tsx";
import { useMarkRead, useOpenNotification } from "./use-news.ts";

/** What asks for attention: how much is unread, what it is, and what just came up. */
export default function Bell() {
  const { t, i18n } = useTranslation("notifications");
  const { data, isError, refetch } = useQuery(notificationsQuery);
  const [isOpen, setOpen] = useState(false);
  const open = useOpenNotification();
  useCommand({ id: "notifications", group: "go", key: "g n", run: () => setOpen(true) });
  const unread = data?.unread ?? 0;
  const items = data?.items ?? [];

  return (
    <>
      <DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
        <AriaButton
          aria-label={unread > 0 ? t("unread", { count: unread }) : t("title")}
          className={`relative ${buttonClass({ look: "quiet", size: "icon" })}`}
        >
          <BellIcon aria-hidden className="size-4.5" />
          {unread > 0 && (
            // Drawn, not written: the name of the button says it in words, which need no digit.
            <span
              aria-hidden
              data-count={unread > 99 ? `${format(99, i18n.language)}+` : format(unread, i18n.language)}
              className="absolute -end-0.5 -top-0.5 grid h-4 min-w-4 place-items-center rounded-full bg-accent px-1 text-xs font-medium text-on-accent tabular-nums after:content-[attr(data-count)]"
            />
          )}
        </AriaButton>
        <AriaPopover
          data-overlay=""
          placement="bottom end"
          className="flex max-h-[70vh] w-100 max-w-[calc(100vw-2rem)] flex-col overflow-hidden rounded-lg border border-line bg-raised shadow-pop"
        >
          <Dialog className="flex min-h-0 flex-1 flex-col outline-none">
            <Head title={t("title")} items={items} />
            <AskForDesktop />
            {isError && data === undefined ? (
              <Notice isError title={t("failed")} onRetry={() => void refetch()} />
            ) : items.length === 0 ? (
              <Notice icon={<BellOff aria-hidden className="size-6" />} title={t("none")}>
                {t("noneHint")}
              </Notice>
            ) : (
              <ul className="min-h-0 flex-1 overflow-y-auto p-1">
                {items.map((item) => (
                  <Row
                    key={item.id}
                    item={item}
                    onOpen={() => {
                      setOpen(false);
                      open(item);
                    }}
                  >
                    <NotificationText item={item} subject={data?.subjects[item.ticket_number]} />
                  </Row>
                ))}
              </ul>
            )}
          </Dialog>
        </AriaPopover>
      </DialogTrigger>
      <Toasts />
    </>
  );
}

function format(count: number, language: string): string {
  return new Intl.NumberFormat(language).format(count);
}

function Head({ title, items }: { title: string; items: readonly Notification[] }) {
  const { t } = useTranslation("notifications");
  const read = useMarkRead();
  const ids = items.filter((item) => item.read_at === null).map((item) => item.id);
  return (
    <header className="flex items-center justify-between gap-2 border-b border-line py-2 ps-4 pe-2">
      <Heading slot="title" className="text-base font-semibold">
        {title}
      </Heading>
      <Button look="quiet" onClick={() => read(ids)} disabled={ids.length === 0}>
        {t("readAll")}
      </Button>
    </header>
  );
}

interface RowProps {
  item: Notification;
  onOpen: () => void;
  children: ReactNode;
}

function Row({ item, onOpen, children }: RowProps) {
  const { t } = useTranslation("notifications");
  const isUnread = item.read_at === null;
  return (
    <li>
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full items-center gap-2 rounded-sm p-2 text-start transition-colors hover:bg-hover"
      >
        <span className="min-w-0 flex-1">{children}</span>
        <span className={`size-2 shrink-0 rounded-full ${isUnread ? "bg-accent" : ""}`}>
          {isUnread && <span className="sr-only">{t("isUnread")}</span>}
        </span>
      </button>
    </li>
  );
}

/** The moment to ask is when somebody looks for what was missed, and it was never asked before. */
function AskForDesktop() {
  const { t } = useTranslation("notifications");
  const isOn = useSetting("desktop");
  const [isAsked, setAsked] = useState(hasDesktop && Notification.permission !== "default");
  if (!hasDesktop || isOn || isAsked) {
    return null;
  }
  return (
    <div className="flex items-center justify-between gap-3 border-b border-line bg-canvas py-2 ps-4 pe-2">
      <p className="text-sm text-ink-soft">{t("ask")}</p>
      <Button onClick={() => void allowDesktop().finally(() => setAsked(true))}>{t("allow")}</Button>
    </div>
  );
}
