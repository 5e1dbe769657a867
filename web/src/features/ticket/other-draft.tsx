import { useTranslation } from "react-i18next";
import type { ServerDraft } from "@/lib/api/types.ts";
import { formatWhen } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import type { TicketDraft } from "./ticket-draft.ts";

/** What one wrote on another device while writing here: neither text is dropped before one is chosen. */
export function OtherDraft({ other, writing }: { other: ServerDraft; writing: TicketDraft }) {
  const { t, i18n } = useTranslation("ticket");
  return (
    <div role="alert" className="mx-2 mb-2 flex flex-wrap items-center gap-2 rounded-md bg-warn-soft px-3 py-2 text-sm">
      <span className="min-w-0 flex-1 basis-48 text-warn">
        {t("draft.other", { when: formatWhen(other.updated_at, i18n.language, Date.now()) })}
        <span dir="auto" className="page-start block truncate text-xs">
          {other.text}
        </span>
      </span>
      <Button onClick={() => writing.takeOther()}>{t("draft.takeOther")}</Button>
      <Button onClick={() => writing.keepMine()}>{t("draft.keepMine")}</Button>
    </div>
  );
}
