import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { List } from "./rows.ts";
import type { Cursor } from "./use-cursor.ts";

/** A ticket that was left behind and is not solved after all. */
export interface Refused {
  id: string;
  number: number | null;
  error: Error;
}

interface SolveNextInput {
  rows: List["rows"];
  cursor: Cursor;
  openId: string | null;
  onOpen: (id: string) => void;
}

interface SolveNext {
  refused: readonly Refused[];
  forget: (id: string) => void;
}

/** Solves the open ticket and opens the next one at once; what is refused is said where the list is. */
export function useSolveNext({ rows, cursor, openId, onOpen }: SolveNextInput): SolveNext {
  const { t } = useTranslation("inbox");
  const queryClient = useQueryClient();
  const [refused, setRefused] = useState<readonly Refused[]>([]);
  const forget = (id: string) => setRefused((known) => known.filter((each) => each.id !== id));
  const solve = async (id: string) => {
    forget(id);
    const number = rows.find((row) => row?.id === id)?.number ?? null;
    try {
      const { solveBehind } = await import("@/features/ticket/send-over.ts");
      await solveBehind(queryClient, id);
    } catch (error) {
      setRefused((known) => [...known, { id, number, error: error as Error }]);
    }
  };

  const run = () => {
    if (openId === null) {
      return;
    }
    void solve(openId);
    const place = rows.findIndex((row) => row?.id === openId);
    // What is not in the list left it, and the cursor stands where it was: on the next one.
    const next = place < 0 ? Math.max(cursor.index, 0) : place + 1;
    const row = rows[next];
    if (row && row.id !== openId) {
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

  return { refused, forget };
}
