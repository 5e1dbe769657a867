import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { leave, tellFailure } from "@/features/ticket/failures.ts";
import { ticketQuery } from "@/features/ticket/queries.ts";
import type { List } from "./rows.ts";
import type { Cursor } from "./use-cursor.ts";

interface SolveNextInput {
  rows: List["rows"];
  cursor: Cursor;
  openId: string | null;
  onOpen: (id: string) => void;
}

/** Solves the open ticket and opens the next one at once; what is refused is said where the list is. */
export function useSolveNext({ rows, cursor, openId, onOpen }: SolveNextInput): void {
  const { t } = useTranslation("inbox");
  const queryClient = useQueryClient();
  const solve = async (id: string, number: number) => {
    try {
      const { solveBehind } = await import("@/features/ticket/send-over.ts");
      await solveBehind(queryClient, id);
    } catch (error) {
      tellFailure({ id, number, what: "change", error: error as Error });
    }
  };

  const run = () => {
    const place = rows.findIndex((row) => row?.id === openId);
    const known = openId === null ? undefined : queryClient.getQueryData(ticketQuery(openId).queryKey);
    const number = known?.number ?? rows[place]?.number;
    // What is not there yet cannot be solved.
    if (openId === null || number === undefined) {
      return;
    }
    void solve(openId, number);
    // What is not in the list left it, and the cursor stands where it was: on the next one.
    const next = place < 0 ? Math.max(cursor.index, 0) : place + 1;
    const row = rows[next];
    if (row && row.id !== openId) {
      leave(openId);
      cursor.go(next);
      onOpen(row.id);
    }
  };
  useCommand({
    id: "list:solveNext",
    group: "list",
    key: "E",
    label: t("key.solveNext"),
    run,
    enabled: openId !== null,
  });
}
