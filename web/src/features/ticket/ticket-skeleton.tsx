import { useTranslation } from "react-i18next";

/** The shape of a ticket before it is there. */
export function TicketSkeleton() {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t("common.loading")} className="flex flex-col gap-3 p-6">
      <div className="shimmer h-5 w-3/5" />
      <div className="shimmer h-4 w-2/5" />
      <div className="shimmer mt-6 h-24 w-4/5" />
    </div>
  );
}
