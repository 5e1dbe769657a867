import { queryOptions } from "@tanstack/react-query";
import { answer, ingestion } from "@/lib/api/client.ts";
import type { KeptFile } from "@/lib/api/types.ts";

/** How often a file is asked after while a scanner has not looked at it yet. */
const SCAN_MS = 5_000;

/** What is known of a file: its name, its small picture, and whether it is handed on. */
export function fileQuery(id: string) {
  return queryOptions({
    queryKey: ["files", id],
    queryFn: async ({ signal }): Promise<KeptFile> =>
      answer(
        ingestion.GET("/api/attachments/{attachment_id}/details", { params: { path: { attachment_id: id } }, signal }),
      ),
    refetchInterval: ({ state }) => (state.data?.scan === "pending" ? SCAN_MS : false),
  });
}
