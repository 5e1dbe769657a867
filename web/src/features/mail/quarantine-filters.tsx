import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { type QuarantineFilter, quarantineSummaryQuery } from "./queries.ts";
import { useReasonWords } from "./reason.ts";
import type { MailSearch } from "./sections.ts";

interface QuarantineFiltersProps {
  filter: QuarantineFilter;
  onChange: (filter: MailSearch) => void;
}

/** Of one reason, or with words in the subject or the sender's address. */
export function QuarantineFilters({ filter, onChange }: QuarantineFiltersProps) {
  const { t, i18n } = useTranslation("mail");
  const reasonWords = useReasonWords();
  const summary = useQuery(quarantineSummaryQuery);
  const counts = new Map((summary.data?.reasons ?? []).map((each) => [each.reason, each.count]));
  if (filter.reason && !counts.has(filter.reason)) {
    counts.set(filter.reason, 0);
  }
  const number = new Intl.NumberFormat(i18n.language);
  const given = (reason: string, q: string): MailSearch => ({
    ...(reason && { reason }),
    ...(q.length >= 2 && { q }),
  });

  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onChange(given(filter.reason ?? "", String(new FormData(event.currentTarget).get("q")).trim()));
  };

  return (
    <search>
      <form onSubmit={search} className="flex flex-wrap items-end gap-2">
        <div className="w-72 max-w-full">
          <ChoiceField
            label={t("quarantine.reason")}
            value={filter.reason ?? ""}
            onChange={(event) => onChange(given(event.target.value, filter.q ?? ""))}
          >
            <option value="">
              {t("quarantine.allReasons")}
              {summary.data && ` (${number.format(summary.data.total)})`}
            </option>
            {[...counts].map(([reason, count]) => (
              <option key={reason} value={reason}>
                {reasonWords(reason)} ({number.format(count)})
              </option>
            ))}
          </ChoiceField>
        </div>
        <div className="w-56 max-w-full">
          <Field
            key={filter.q}
            label={t("quarantine.search")}
            name="q"
            type="search"
            dir="auto"
            maxLength={100}
            defaultValue={filter.q}
          />
        </div>
        <Button type="submit" size="icon" aria-label={t("quarantine.find")}>
          <Search aria-hidden className="size-4" />
        </Button>
      </form>
    </search>
  );
}
