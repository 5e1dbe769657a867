import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, ingestion } from "@/lib/api/client.ts";
import { mailKeys } from "./queries.ts";

/** Lets mail in (`release`), or has it read and judged again. Returns how many were still in quarantine. */
export function useReplay(onDone: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async ({ ids, release }: { ids: string[]; release: boolean }) => {
      const { items } = await answer(
        ingestion.POST("/api/ingest/quarantine/replay", { body: { ids, release, limit: 200 } }),
      );
      return items.filter((each) => each.result === "stored").length;
    },
    onSuccess: onDone,
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.quarantine }),
  });
}

/** Deletes one for good; why stays. */
export function useDeleteQuarantined(id: string, onDone: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (why: string) => {
      await answer(
        ingestion.DELETE("/api/ingest/quarantine/{quarantined_id}", {
          params: { path: { quarantined_id: id }, query: { why } },
        }),
      );
    },
    onSuccess: onDone,
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.quarantine }),
  });
}
