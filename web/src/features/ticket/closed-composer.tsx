import { useTranslation } from "react-i18next";
import type { Draft } from "./drafts.ts";

const KINDS = ["reply", "note"] as const;

/** Under a closed ticket nothing is written any more; what had been begun when it was closed can be copied. */
export function ClosedComposer({ draft }: { draft: Draft }) {
  const { t } = useTranslation("ticket");
  const begun = KINDS.filter((kind) => draft[kind].trim() !== "");
  return (
    <section aria-label={t("composer.label")} className="flex shrink-0 flex-col gap-2 border-t border-line px-6 py-4">
      <p className="text-sm text-ink-soft">{t("composer.closed")}</p>
      {begun.map((kind) => (
        <label key={kind} className="flex flex-col gap-1 text-xs text-ink-soft">
          {t(`composer.${kind}`)} · {t("composer.begun")}
          <textarea
            readOnly
            dir="auto"
            rows={3}
            value={draft[kind]}
            className="max-h-40 resize-none rounded-md border border-control bg-canvas px-3 py-2 text-base text-ink field-sizing-content"
          />
        </label>
      ))}
    </section>
  );
}
