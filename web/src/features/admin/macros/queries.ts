import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Macro, MacroBody, MacroPreview } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";

const macrosKey = ["admin", "macros"] as const;

/** All macros that the caller may see. */
export const macrosQuery = queryOptions({
  queryKey: macrosKey,
  queryFn: async ({ signal }): Promise<Macro[]> => {
    const items: Macro[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { limit: 200, ...(cursor && { cursor }) };
      const page: { items: Macro[]; next_cursor?: string | null } = await answer(
        tickets.GET("/api/macros", { params: { query }, signal }),
      );
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return items;
  },
});

const ifMatch = (macro: Macro) => ({ path: { macro_id: macro.id }, header: { "if-match": `"${macro.version}"` } });

export function useSaveMacro(macro: Macro | null, onSaved: () => void) {
  const queryClient = useQueryClient();
  const keyed = useAttempt();
  return useMutation({
    mutationFn: async (body: MacroBody): Promise<Macro> =>
      macro
        ? answer(tickets.PUT("/api/macros/{macro_id}", { params: ifMatch(macro), body }))
        : keyed(body, (key) =>
            answer(tickets.POST("/api/macros", { params: { header: { "idempotency-key": key } }, body })),
          ),
    onSuccess: onSaved,
    onSettled: () => queryClient.invalidateQueries({ queryKey: macrosKey }),
  });
}

export function useDeleteMacro(macro: Macro, onDone: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      await answer(tickets.DELETE("/api/macros/{macro_id}", { params: ifMatch(macro) }));
    },
    onSuccess: onDone,
    onSettled: () => queryClient.invalidateQueries({ queryKey: macrosKey }),
  });
}

/** What a macro would make of the ticket with this number; null where there is none. Nothing happens to it. */
export function usePreview(macro: Macro) {
  return useMutation({
    mutationFn: async (number: number): Promise<MacroPreview | null> => {
      const found = await answer(
        tickets.GET("/api/tickets/search", { params: { query: { q: `number:${number}`, limit: 1 } } }),
      );
      const ticket = found.items[0]?.ticket;
      return ticket
        ? answer(
            tickets.POST("/api/macros/{macro_id}/preview", {
              params: { path: { macro_id: macro.id } },
              body: { ticket_id: ticket.id, send: false },
            }),
          )
        : null;
    },
  });
}
