import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MacroPreview } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { fieldName as ownFieldName } from "./edit-problems.ts";
import { fieldsQuery, lifecycleQuery, statusName, typeName } from "./settings.ts";

type Changes = MacroPreview["changes"];

const NAMED = [
  "status",
  "priority",
  "type",
  "group",
  "assignee",
  "tags",
  "snoozed_until",
  "urgency",
  "impact",
  "followers",
] as const;
type Named = (typeof NAMED)[number];
const STATUSES = ["new", "open", "pending", "on_hold", "solved", "closed"] as const;
const TYPES = ["question", "technical", "billing", "feature_request", "incident"] as const;
const PRIORITIES = ["low", "normal", "high", "urgent"] as const;
const LEVELS = ["low", "medium", "high"] as const;

/** What a macro changes: each field, before and after. */
export function MacroChanges({ changes, names }: { changes: Changes; names: ReadonlyMap<string, string> }) {
  const { t, i18n } = useTranslation(["ticket", "desk"]);
  const { t: panel } = useTranslation(["desk", "panel"]);
  const own = useQuery(fieldsQuery).data?.fields ?? [];
  const lifecycle = useQuery(lifecycleQuery).data;
  const fields = Object.entries(changes).filter(([field]) => !isDouble(field, changes));

  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-sm">
      {fields.map(([field, { before, after }]) => (
        <div key={field} className="contents">
          <dt className="text-ink-soft">{fieldName(field)}</dt>
          <dd className="flex min-w-0 flex-wrap items-center gap-x-1.5">
            <bdi className="text-ink-soft line-through">{shown(field, before)}</bdi>
            <ArrowRight aria-hidden className="size-3 shrink-0 text-ink-faint rtl:-scale-x-100" />
            <bdi className="font-medium">{shown(field, after)}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );

  function fieldName(field: string): string {
    const named = NAMED.find((each) => each === field || `${each}_id` === field || `${each}_key` === field);
    return named ? t(`macro.field.${named satisfies Named}`) : ownFieldName(panel, field, own, i18n.language);
  }

  function shown(field: string, value: unknown): string {
    if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) {
      return t("macro.nothing");
    }
    if (Array.isArray(value)) {
      return new Intl.ListFormat(i18n.language, { type: "unit" }).format(value.map((each) => shown(field, each)));
    }
    if (typeof value === "object") {
      return String((value as { name?: string }).name ?? JSON.stringify(value));
    }
    const text = String(value);
    switch (field) {
      case "status":
      case "status_key": {
        const known = lifecycle?.statuses.find(({ key }) => key === text);
        const category = known?.category ?? STATUSES.find((each) => each === text);
        return category ? statusName(panel, known ?? { key: text, labels: {} }, category, i18n.language) : text;
      }
      case "type":
      case "type_key": {
        const known = lifecycle?.types?.find(({ key }) => key === text);
        const category = known?.category ?? TYPES.find((each) => each === text);
        return category ? typeName(panel, known ?? { key: text, labels: {} }, category, i18n.language) : text;
      }
      case "priority": {
        const priority = PRIORITIES.find((each) => each === text);
        return priority ? panel(`panel:priority.${priority}`) : text;
      }
      case "urgency":
      case "impact": {
        const level = LEVELS.find((each) => each === text);
        return level ? panel(`panel:level.${level}`) : text;
      }
      case "snoozed_until":
        return formatExact(text, i18n.language);
      default:
        return names.get(text) ?? text;
    }
  }
}

/** The category beside a key of the organisation's own says less, and who set a priority the same once more. */
function isDouble(field: string, changes: Changes): boolean {
  return (
    field === "priority_by_hand" ||
    (field === "status" && "status_key" in changes) ||
    (field === "type" && "type_key" in changes)
  );
}
