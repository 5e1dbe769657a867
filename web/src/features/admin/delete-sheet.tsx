import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";

interface DeleteSheetProps {
  name: string;
  error: Error | null;
  isPending: boolean;
  onDelete: () => void;
  onClose: () => void;
}

/** Asks once more before something goes for everybody. */
export function DeleteSheet({ name, error, isPending, onDelete, onClose }: DeleteSheetProps) {
  const { t } = useTranslation(["admin", "page"]);
  return (
    <Sheet title={t("common.deleteTitle", { name })} isOpen onClose={onClose}>
      <p className="text-sm">{t("common.deleteHint")}</p>
      <ProblemText error={error} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{t("page:cancel")}</Button>
        <Button look="danger" onClick={onDelete} disabled={isPending}>
          {t("page:delete")}
        </Button>
      </div>
    </Sheet>
  );
}
