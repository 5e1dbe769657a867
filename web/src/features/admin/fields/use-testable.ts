import { useTranslation } from "react-i18next";
import { type Choice, flatOptions } from "@/features/fields/options.ts";
import { CHANNELS } from "@/features/reports/search.ts";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { LEVELS, PRIORITIES, STATUSES, TYPES } from "../workflow/draft.ts";
import { useCategoryName } from "../workflow/use-category-name.ts";
import type { TestedKind } from "./rule.ts";

/** What a condition can rest on; `values` are all that it can have, where they are known. */
export interface Testable {
  id: string;
  label: string;
  kind: TestedKind;
  values: readonly Choice[] | null;
}

// What customers see of a ticket (domain/fields.py), and so what a field of theirs can rest on.
const PUBLIC = new Set(["type", "priority", "status", "channel", "language", "brand"]);
const KINDS: Record<FieldDefinition["kind"], TestedKind> = {
  text: "text",
  number: "number",
  money: "number",
  date: "moment",
  choice: "word",
  choices: "word",
  lookup: "word",
  flag: "flag",
};

/** What every ticket has, and the fields above; for customers' fields, what they see of it. */
export function useTestable(before: readonly FieldDefinition[], isPublic: boolean): Testable[] {
  const { t, i18n } = useTranslation(["admin", "desk", "reports"]);
  const categoryName = useCategoryName();
  const named = <T extends string>(ids: readonly T[], name: (id: T) => string) =>
    ids.map((id) => ({ id, label: name(id) }));
  const levels = named(LEVELS, (id) => t(`workflow.levels.${id}`));
  const builtIn = [
    ["type", named(TYPES, categoryName)],
    ["status", named(STATUSES, categoryName)],
    ["priority", named(PRIORITIES, (id) => t(`desk:priority.${id}`))],
    ["channel", named(CHANNELS, (id) => t(`reports:channels.${id}`))],
    ["language", null],
    ["group", null],
    ["brand", null],
    ["tags", null],
    ["urgency", levels],
    ["impact", levels],
  ] as const;
  return [
    ...builtIn
      .filter(([id]) => !isPublic || PUBLIC.has(id))
      .map(([id, values]) => ({ id, label: t(`fields.tested.${id}`), kind: "word" as const, values })),
    ...before
      .filter(({ customers }) => !isPublic || customers !== "hidden")
      .map((field) => ({
        id: `fields.${field.key}`,
        label: labelOf(field.labels, i18n.language, field.key),
        kind: KINDS[field.kind],
        values: field.options.length > 0 ? flatOptions(field.options, i18n.language) : null,
      })),
  ];
}
