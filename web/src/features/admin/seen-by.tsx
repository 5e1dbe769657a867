import { Eye } from "lucide-react";
import { useTranslation } from "react-i18next";

/** Who may see and change what this page is about. */
export function SeenBy({ isForLeads = false }: { isForLeads?: boolean }) {
  const { t } = useTranslation("page");
  return (
    <p className="flex items-center gap-2 text-xs text-ink-faint">
      <Eye aria-hidden className="size-4 shrink-0" />
      {isForLeads ? t("seenByLeads") : t("seenByAdmins")}
    </p>
  );
}
