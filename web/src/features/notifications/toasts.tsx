import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { NotificationText } from "./notification-text.tsx";
import type { Notification } from "./queries.ts";
import { useNews, useOpenNotification } from "./use-news.ts";

// The bell keeps what a toast said.
const SHOWN_MS = 10_000;

/** What just came up, above the page; it goes by itself, but not while somebody is about to use it. */
export function Toasts() {
  const { t } = useTranslation("notifications");
  const { toasts, subjects, dismiss } = useNews();
  return (
    <section
      role="status"
      aria-label={t("new")}
      // The middle of the head: there is nothing that somebody may be about to press.
      className="pointer-events-none fixed inset-x-0 top-1 z-5 mx-auto flex w-90 max-w-[calc(100vw-2rem)] flex-col gap-2"
    >
      {toasts.map((item) => (
        <Toast key={item.id} item={item} subject={subjects[item.ticket_number]} onClose={dismiss} />
      ))}
    </section>
  );
}

interface ToastProps {
  item: Notification;
  subject: string | undefined;
  onClose: (id: string) => void;
}

function Toast({ item, subject, onClose }: ToastProps) {
  const { t } = useTranslation("notifications");
  const open = useOpenNotification();
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    const timer = isHeld ? undefined : setTimeout(() => onClose(item.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isHeld, item.id, onClose]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays while the pointer or the focus is on it
    <div
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className="pointer-events-auto flex items-start gap-2 rounded-lg border border-line bg-raised p-2 shadow-pop"
    >
      <button
        type="button"
        onClick={() => {
          open(item);
          onClose(item.id);
        }}
        className="min-w-0 flex-1 rounded-sm p-1 text-start transition-colors hover:bg-hover"
      >
        <NotificationText item={item} subject={subject} />
      </button>
      <Button look="quiet" size="icon" onClick={() => onClose(item.id)} aria-label={t("dismiss")}>
        <X aria-hidden className="size-4" />
      </Button>
    </div>
  );
}
