import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "@/features/ticket/queries.ts";
import { languageName } from "@/lib/format.ts";
import { type Days, lastDays } from "@/lib/period.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { CHANNELS, type ReportSearch, TYPES } from "./search.ts";

const PERIODS = [7, 30, 90] as const;

interface ReportFiltersProps {
  days: Days;
  search: ReportSearch;
  /** The languages there are tickets in. */
  languages: readonly string[];
  onChange: (search: ReportSearch) => void;
}

/** Which days, and which tickets. All of it stands in the address. */
export function ReportFilters({ days, search, languages, onChange }: ReportFiltersProps) {
  const { t, i18n } = useTranslation("reports");
  const agents = useQuery(agentsQuery);
  const groups = new Set([...(agents.data?.flatMap((agent) => agent.groups) ?? []), ...optional(search.group)]);
  const tags = new Set([...languages, ...optional(search.language)].filter((tag) => tag !== "und"));

  const set = (name: keyof ReportSearch, value: string) => {
    const { [name]: _, ...rest } = search;
    onChange(value ? { ...rest, [name]: value } : rest);
  };
  const setDays = (changed: Partial<Days>) => {
    const { from, to } = { ...days, ...changed };
    if (from && to) {
      onChange({ ...search, ...(from <= to ? { from, to } : { from: to, to: from }) });
    }
  };

  return (
    <search aria-label={t("filters")} className="flex flex-col gap-3">
      <div className="flex flex-wrap items-end gap-2">
        <div className="w-36">
          <Field
            label={t("from")}
            type="date"
            value={days.from}
            max={days.to}
            onChange={(event) => setDays({ from: event.target.value })}
          />
        </div>
        <div className="w-36">
          <Field
            label={t("to")}
            type="date"
            value={days.to}
            min={days.from}
            onChange={(event) => setDays({ to: event.target.value })}
          />
        </div>
        <fieldset className="flex gap-1">
          <legend className="sr-only">{t("periods")}</legend>
          {PERIODS.map((length) => {
            const last = lastDays(length, new Date());
            const isChosen = last.from === days.from && last.to === days.to;
            return (
              <Button
                key={length}
                look={isChosen ? "plain" : "quiet"}
                aria-pressed={isChosen}
                onClick={() => setDays(last)}
              >
                {t(`period.${length}`)}
              </Button>
            );
          })}
        </fieldset>
      </div>
      <div className="grid max-w-200 grid-cols-2 gap-2 md:grid-cols-4">
        <ChoiceField
          label={t("channel")}
          value={search.channel ?? ""}
          onChange={(event) => set("channel", event.target.value)}
        >
          <option value="">{t("anyChannel")}</option>
          {CHANNELS.map((channel) => (
            <option key={channel} value={channel}>
              {t(`channels.${channel}`)}
            </option>
          ))}
        </ChoiceField>
        <ChoiceField label={t("type")} value={search.type ?? ""} onChange={(event) => set("type", event.target.value)}>
          <option value="">{t("anyType")}</option>
          {TYPES.map((type) => (
            <option key={type} value={type}>
              {t(`types.${type}`)}
            </option>
          ))}
        </ChoiceField>
        <ChoiceField
          label={t("language")}
          value={search.language ?? ""}
          onChange={(event) => set("language", event.target.value)}
        >
          <option value="">{t("anyLanguage")}</option>
          {[...tags].sort().map((tag) => (
            <option key={tag} value={tag}>
              {languageName(tag, i18n.language)}
            </option>
          ))}
          <option value="und">{t("unknownLanguage")}</option>
        </ChoiceField>
        <ChoiceField
          label={t("group")}
          value={search.group ?? ""}
          onChange={(event) => set("group", event.target.value)}
        >
          <option value="">{t("anyGroup")}</option>
          {[...groups].sort().map((group) => (
            <option key={group} value={group}>
              {group}
            </option>
          ))}
        </ChoiceField>
      </div>
    </search>
  );
}

function optional(value: string | undefined): string[] {
  return value === undefined ? [] : [value];
}
