import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useUnsaved } from "@/lib/unsaved.ts";
import { Button } from "@/ui/button.tsx";

interface SaveBarProps {
  onDiscard: () => void;
  onSave: () => void;
  isPending?: boolean;
  /** Somebody else changed it meanwhile: it can only be discarded. */
  isOvertaken: boolean;
  /** Why it was not saved. */
  children?: ReactNode;
}

/** Below a document that was changed here and not saved yet; it stays in sight. */
export function SaveBar({ onDiscard, onSave, isPending = false, isOvertaken, children }: SaveBarProps) {
  const { t } = useTranslation(["admin", "page"]);
  useUnsaved();
  return (
    <div className="sticky bottom-0 flex flex-wrap items-center justify-between gap-3 rounded-md border border-line bg-raised p-3 shadow-pop">
      <div className="flex min-w-0 flex-1 basis-48 flex-col gap-1">
        <p role="status" className="text-sm">
          {t("common.unsaved")}
        </p>
        {isOvertaken ? (
          <div role="alert" className="flex flex-col items-start gap-2 text-sm text-bad">
            {t("common.overtaken")}
            <Button onClick={onDiscard}>{t("common.showTheirs")}</Button>
          </div>
        ) : (
          children
        )}
      </div>
      <div className="flex gap-2">
        <Button onClick={onDiscard}>{t("common.discard")}</Button>
        <Button look="primary" onClick={onSave} disabled={isPending || isOvertaken}>
          {t("page:save")}
        </Button>
      </div>
    </div>
  );
}
