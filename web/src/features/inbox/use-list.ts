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
  /** Fetches what is not known of these rows, and gives all there are. */
  load: (from: number, to: number) => Promise<List["rows"]>;
}

/** A list, of which the rows in sight are fetched. */
export function useList(source: Source): Shown {
  const queryClient = useQueryClient();
  const list = useQuery(listQuery(source));
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const rows = list.data?.rows;

  const load = useCallback(
    async (from: number, to: number): Promise<List["rows"]> => {
      await loadRows(queryClient, source, from, to);
      return queryClient.getQueryData(listQuery(source).queryKey)?.rows ?? [];
    },
    [queryClient, source],
  );
  const show = useCallback(
    (from: number, to: number) => {
      reading(source, from);
      clearTimeout(timer.current);
      // What cannot be had now is asked for again when the sight moves.
      const loadAround = () => void load(Math.max(0, from - AHEAD), to + AHEAD).catch(() => undefined);
      if (rows?.[from] !== undefined) {
        loadAround();
      } else {
        timer.current = setTimeout(loadAround, FLYING_MS);
      }
    },
    [source, load, rows],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return { list, show, load };
}
