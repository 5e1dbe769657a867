import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Macro, MacroPreview } from "@/lib/api/types.ts";

const PAGE = 200;
const MOST = 1_000;

/** The macros that one may use, canned replies among them, in their order. */
export const macrosQuery = queryOptions({
  queryKey: ["macros"],
  queryFn: async ({ signal }): Promise<Macro[]> => {
    const macros: Macro[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { active: true, limit: PAGE, ...(cursor && { cursor }) };
      const page = await answer(tickets.GET("/api/macros", { params: { query }, signal }));
      macros.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && macros.length < MOST);
    return macros;
  },
});

/** What a macro would make of a ticket as it is at this version. */
export function previewQuery(macroId: string, ticketId: string, version: number) {
  return queryOptions({
    queryKey: ["macros", macroId, "preview", ticketId, version],
    queryFn: async ({ signal }): Promise<MacroPreview> =>
      answer(
        tickets.POST("/api/macros/{macro_id}/preview", {
          params: { path: { macro_id: macroId } },
          body: { ticket_id: ticketId, send: false },
          signal,
        }),
      ),
  });
}

/** Macros whose name or shortcut has all the words that were typed; an exact shortcut first. */
export function macrosLike(macros: readonly Macro[], typed: string): Macro[] {
  const words = typed.trim().toLowerCase().split(/\s+/);
  const has = (macro: Macro) => `${macro.name} ${macro.shortcut ?? ""} ${macro.description}`.toLowerCase();
  const isNamed = (macro: Macro) => Number(macro.shortcut === words[0]);
  return macros
    .filter((macro) => words.every((word) => has(macro).includes(word)))
    .sort((a, b) => isNamed(b) - isNamed(a));
}
