import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { applyLists } from "@/features/inbox/list-query.ts";
import { sessionQuery } from "@/features/session/session.ts";
import { applyTicket, ticketKeys } from "@/features/ticket/queries.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Session } from "@/lib/api/types.ts";
import { digest } from "./apply.ts";
import { LiveConnection, type LiveEnvironment, type LiveStatus } from "./connection.ts";

interface Live {
  status: LiveStatus;
  retryNow: () => void;
}

const LiveContext = createContext<Live>({ status: "connecting", retryNow: () => undefined });

/** Holds the window's one socket open while somebody is signed in, and keeps the query cache true with what it says. */
export function LiveProvider({ session, children }: { session: Session; children: ReactNode }) {
  const queryClient = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const connection = useMemo(
    () =>
      new LiveConnection(browser(queryClient), {
        onStatus: setStatus,
        onResync: () => void queryClient.invalidateQueries({ queryKey: ticketKeys.all }),
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
    const retry = () => connection.retryNow();
    window.addEventListener("online", retry);
    return () => {
      window.removeEventListener("online", retry);
      connection.stop();
    };
  }, [connection]);

  const live = useMemo(() => ({ status, retryNow: () => connection.retryNow() }), [status, connection]);
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
    // A hidden window gets no animation frames, yet its counts and title must not stand still.
    onFrame: (callback) => (document.hidden ? setTimeout(callback, 250) : requestAnimationFrame(callback)),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}
