import { QueryClient } from "@tanstack/react-query";
import { statusOf } from "@/lib/api/problem.ts";

/** Server data lives here and nowhere else. What the socket keeps current is not asked for again on every focus. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      // An answer of the server is an answer; only silence and overload are worth a second try.
      retry: (failures, error) => {
        const status = statusOf(error);
        return failures < 2 && (status === null || status === 502 || status === 503 || status === 504);
      },
    },
    mutations: {
      // Without a network a change fails at once, in words: nothing happens later by itself, when nobody looks any more.
      networkMode: "always",
    },
  },
});
