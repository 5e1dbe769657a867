import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { listQuery, loadRows, reading } from "./list-query.ts";
import type { List } from "./rows.ts";
import type { Source } from "./source.ts";

/** Rows beyond those in sight that are fetched with them. */
const AHEAD = 30;
/** Rows that are only flown over are not fetched. */
const FLYING_MS = 80;

interface Shown {
  list: UseQueryResult<List>;
  /** To be told which rows are in sight. */
  show: (from: number, to: number) => void;
}

/** A list, of which the rows in sight are fetched. */
export function useList(source: Source): Shown {
  const queryClient = useQueryClient();
  const list = useQuery(listQuery(source));
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const rows = list.data?.rows;

  const show = useCallback(
    (from: number, to: number) => {
      reading(source, from);
      clearTimeout(timer.current);
      // What cannot be had now is asked for again when the sight moves.
      const load = () =>
        void loadRows(queryClient, source, Math.max(0, from - AHEAD), to + AHEAD).catch(() => undefined);
      if (rows?.[from] !== undefined) {
        load();
      } else {
        timer.current = setTimeout(load, FLYING_MS);
      }
    },
    [queryClient, source, rows],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return { list, show };
}
