import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Lifecycle } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { type Loss, losses } from "./draft.ts";

interface ReviewSheetProps {
  saved: Lifecycle;
  draft: Lifecycle;
  /** Why it was not saved. */
  error: Error | null;
  isPending: boolean;
  onSave: () => void;
  onClose: () => void;
}

/** What a change takes away from how many tickets; then it is saved. */
export function ReviewSheet({ saved, draft, error, isPending, onSave, onClose }: ReviewSheetProps) {
  const { t } = useTranslation(["admin", "page"]);
  const lost = losses(saved, draft);
  return (
    <Sheet title={t("workflow.review")} isOpen onClose={onClose}>
      {lost.length === 0 ? (
        <p className="text-sm">{t("workflow.nothingBreaks")}</p>
      ) : (
        <ul className="flex flex-col gap-2">
          {lost.map((loss) => (
            <LossItem key={`${loss.part}-${loss.entry.key}`} loss={loss} />
          ))}
        </ul>
      )}
      <ProblemText error={error} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{t("page:cancel")}</Button>
        <Button look="primary" onClick={onSave} disabled={isPending}>
          {t("page:save")}
        </Button>
      </div>
    </Sheet>
  );
}

function LossItem({ loss: { part, entry, how } }: { loss: Loss }) {
  const { t, i18n } = useTranslation("admin");
  const field = part === "statuses" ? "status" : "type";
  const { data: count } = useQuery({
    queryKey: ["admin", "has", field, entry.key],
    queryFn: async ({ signal }) => {
      const body = { conditions: { field, is: [entry.key] }, sort: "-updated_at" as const };
      const page = await answer(tickets.POST("/api/views/preview", { params: { query: { limit: 1 } }, body, signal }));
      return page.total.count;
    },
    staleTime: 0,
  });
  return (
    <li className="rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
      {t(`workflow.${how}`, { name: labelOf(entry.labels, i18n.language, entry.key) })}.{" "}
      {count !== undefined && `${t("workflow.has", { count })}. `}
      {how !== "retired" && count !== undefined && count > 0 && t("workflow.inTheWay")}
    </li>
  );
}
