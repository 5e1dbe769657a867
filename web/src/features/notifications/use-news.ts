import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { DEFAULT_VIEW, type InboxSearch } from "@/features/inbox/views.ts";
import { useIsShown } from "@/lib/use-is-shown.ts";
import { alertOutside, chime } from "./alert.ts";
import { textOf } from "./notification-text.tsx";
import { markRead, type Notification, notificationKey, notificationsQuery } from "./queries.ts";

const MOST_TOASTS = 3;

/** Opens the ticket of a notification, which is then read; beside the list that is shown, if one is. */
export function useOpenNotification(): (item: Notification) => void {
  const navigate = useNavigate();
  const { view } = useParams({ strict: false });
  const read = useMarkRead();
  return useCallback(
    (item) => {
      const ticket = item.ticket_id;
      void navigate({
        to: "/inbox/$view",
        params: { view: view ?? DEFAULT_VIEW },
        search: (known: InboxSearch) => (view === undefined ? { ticket } : { ...known, ticket }),
      });
      read([item.id]);
    },
    [navigate, view, read],
  );
}

export function useMarkRead(): (ids: string[]) => void {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: markRead,
    onSettled: () => queryClient.invalidateQueries({ queryKey: notificationKey }),
  }).mutate;
}

interface News {
  toasts: readonly Notification[];
  subjects: Record<number, string>;
  dismiss: (id: string) => void;
}

/** What is new since this window was opened, told once; what is open on the screen needs no telling. */
export function useNews(): News {
  const { t } = useTranslation("notifications");
  const { data } = useQuery(notificationsQuery);
  const { ticket: openId } = useSearch({ strict: false });
  // In a hidden window nothing is on the screen.
  const isShown = useIsShown();
  const seenId = isShown ? openId : undefined;
  const [toasts, setToasts] = useState<readonly Notification[]>([]);
  const known = useRef<Set<string> | null>(null);
  const open = useOpenNotification();
  const read = useMarkRead();

  const arrived = useEffectEvent((fresh: readonly Notification[], subjects: Record<number, string>) => {
    const news = fresh.filter((item) => item.ticket_id !== seenId);
    if (news.length === 0) {
      return;
    }
    setToasts((old) => [...news, ...old].slice(0, MOST_TOASTS));
    chime();
    for (const item of news.slice(0, MOST_TOASTS)) {
      const title = t(textOf(item), { author: item.author });
      const body = `#${item.ticket_number} ${subjects[item.ticket_number] ?? ""}`;
      // As in the bell, the newest of a kind stands for those before it.
      alertOutside({ id: `${item.kind} ${item.ticket_id}`, title, body, onOpen: () => open(item) });
    }
  });
  useEffect(() => {
    if (data === undefined) {
      return;
    }
    const unread = data.items.filter((item) => item.read_at === null);
    const before = known.current;
    known.current = new Set(data.items.map((item) => item.id));
    // What waited before the window was opened is in the bell.
    if (before !== null) {
      const fresh = unread.filter((item) => !before.has(item.id));
      if (fresh.length > 0) {
        arrived(fresh, data.subjects);
      }
    }
    // Read in another window, or there.
    const waiting = new Set(unread.map((item) => item.id));
    setToasts((old) => (old.every((item) => waiting.has(item.id)) ? old : old.filter((item) => waiting.has(item.id))));
  }, [data]);

  // A ticket that is opened, from wherever, or comes back into sight, shows what its notifications are about.
  useEffect(() => {
    const seen = data?.items.filter((item) => item.read_at === null && item.ticket_id === seenId) ?? [];
    if (seen.length > 0) {
      read(seen.map((item) => item.id));
    }
  }, [data, seenId, read]);

  const dismiss = useCallback((id: string) => setToasts((old) => old.filter((item) => item.id !== id)), []);
  return { toasts, subjects: data?.subjects ?? {}, dismiss };
}
