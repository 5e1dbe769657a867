import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { applyLists } from "@/features/inbox/list-query.ts";
import { countsMoved, viewsQuery } from "@/features/inbox/views-query.ts";
import { notificationKey } from "@/features/notifications/queries.ts";
import { sessionQuery } from "@/features/session/session.ts";
import { applyTicket, ticketKeys } from "@/features/ticket/queries.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Session } from "@/lib/api/types.ts";
import { digest } from "./apply.ts";
import { LiveConnection, type LiveEnvironment, type LiveStatus } from "./connection.ts";
import type { Place, PresenceFrame } from "./frames.ts";
import { nextFrame } from "./next-frame.ts";

interface Live {
  status: LiveStatus;
  retryNow: () => void;
  /** Tells others what this window shows. */
  view: (place: Place | null) => void;
  /** Who else is at the ticket that this window shows. */
  presence: PresenceFrame | null;
}

const LiveContext = createContext<Live>({
  status: "connecting",
  retryNow: () => undefined,
  view: () => undefined,
  presence: null,
});

/** Holds the window's one socket open while somebody is signed in, and keeps the query cache true with what it says. */
export function LiveProvider({ session, children }: { session: Session; children: ReactNode }) {
  const queryClient = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const [presence, setPresence] = useState<PresenceFrame | null>(null);
  const connection = useMemo(
    () =>
      new LiveConnection(browser(queryClient), {
        onStatus: (status) => {
          setStatus(status);
          if (status !== "live") {
            // Nobody says any more when they leave.
            setPresence(null);
          }
        },
        onResync: () => {
          void queryClient.invalidateQueries({ queryKey: ticketKeys.all });
          void queryClient.invalidateQueries({ queryKey: notificationKey });
          void queryClient.invalidateQueries({ queryKey: viewsQuery.queryKey, exact: true });
          countsMoved(queryClient);
        },
        onNotification: () => void queryClient.invalidateQueries({ queryKey: notificationKey }),
        onPresence: setPresence,
        onLeaving: (ticketId) => void queryClient.invalidateQueries({ queryKey: ticketKeys.scheduled(ticketId) }),
        onEvents: (events) => {
          const batch = digest(events);
          applyLists(queryClient, batch, session);
          applyTicket(queryClient, batch);
        },
      }),
    [queryClient, session],
  );

  useEffect(() => {
    connection.start();
    // Both come after times in which a socket dies without a word.
    const check = () => document.hidden || connection.check();
    window.addEventListener("online", check);
    document.addEventListener("visibilitychange", check);
    return () => {
      window.removeEventListener("online", check);
      document.removeEventListener("visibilitychange", check);
      connection.stop();
    };
  }, [connection]);

  const retryNow = useCallback(() => connection.retryNow(), [connection]);
  const view = useCallback(
    (place: Place | null) => {
      connection.view(place);
      if (place === null) {
        // Who is at no ticket is told of nobody, nor that somebody left; whoever is there is told anew.
        setPresence(null);
      }
    },
    [connection],
  );
  const live = useMemo(() => ({ status, presence, retryNow, view }), [status, presence, retryNow, view]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  return useContext(LiveContext);
}

function browser(queryClient: QueryClient): LiveEnvironment {
  return {
    open: (since) => {
      const url = new URL("/api/live", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      if (since !== null) {
        url.searchParams.set("since", String(since));
      }
      return new WebSocket(url);
    },
    mayConnect: async () => {
      try {
        // Renews an expired access cookie on the way; a 401 that stays has already led to the sign-in page.
        await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
        return true;
      } catch (error) {
        return statusOf(error) !== null && statusOf(error) !== 401;
      }
    },
    onFrame: nextFrame,
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}
