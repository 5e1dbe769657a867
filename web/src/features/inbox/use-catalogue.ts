import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Catalogue, Value } from "./suggest.ts";
import { FIELDS, type Kind } from "./tokens.ts";

const OWN_KINDS: Record<string, Kind> = {
  number: "number",
  money: "number",
  date: "moment",
  text: "text",
  checkbox: "flag",
  choices: "words",
};

export const fieldsQuery = {
  queryKey: ["settings", "fields"] as const,
  queryFn: async ({ signal }: { signal: AbortSignal }) => answer(tickets.GET("/api/settings/fields", { signal })),
};

/** The organisation's own fields that tickets are found by, as the search line names them. */
export function useOwnFields(enabled: boolean): Readonly<Record<string, Kind>> {
  const fields = useQuery({ ...fieldsQuery, enabled });
  return useMemo(
    () =>
      Object.fromEntries(
        (fields.data?.fields ?? [])
          .filter((field) => field.filterable)
          .map((field) => [`fields.${field.key}`, OWN_KINDS[field.kind] ?? "word"]),
      ),
    [fields.data],
  );
}

const PRIORITIES = ["low", "normal", "high", "urgent"] as const;
const STATUSES = ["new", "open", "pending", "on_hold", "solved", "closed"] as const;
const TYPES = ["question", "technical", "billing", "feature_request", "incident"];
const REVIEWS = ["sender_may_not_answer", "sender_failed_authentication", "sender_takes_no_part", "sender_unproven"];
const CHANNELS = ["email", "form", "chat", "event", "phone", "api"];

/** All that can be proposed, in the words of the reader. Asked for when somebody begins to write. */
export function useCatalogue(enabled: boolean): Catalogue {
  const { t, i18n } = useTranslation(["inbox", "desk"]);
  const fields = useQuery({ ...fieldsQuery, enabled });
  const agents = useQuery({ ...agentsQuery, enabled });
  return useMemo(() => {
    const plain = (values: readonly string[]): Value[] => values.map((value) => ({ value, label: "" }));
    const people = (agents.data ?? []).map(({ id, name }) => ({ value: id, label: name }));
    const groups = [...new Set((agents.data ?? []).flatMap((agent) => agent.groups))].sort();
    const values: Record<string, Value[]> = {
      status: STATUSES.map((value) => ({ value, label: t(`desk:status.${value}`) })),
      priority: PRIORITIES.map((value) => ({ value, label: t(`desk:priority.${value}`) })),
      type: plain(TYPES),
      channel: plain(CHANNELS),
      language: plain(["en", "hi", "bn", "de", "es", "ar"]),
      assignee: [{ value: "me", label: t("search.me") }, ...people],
      group: plain(groups),
      review: plain(REVIEWS),
    };
    const own = (fields.data?.fields ?? []).filter((field) => field.filterable && field.active !== false);
    return new Map([
      ...Object.entries(FIELDS).map(
        ([name, kind]) =>
          [
            name,
            { label: t(`field.${name as "status"}`), values: values[name] ?? [], isMoment: kind === "moment" },
          ] as const,
      ),
      ...own.map((field) => {
        const labelled = (labels: Record<string, string>) => labels[i18n.language] ?? labels.en ?? "";
        const choices = (field.options ?? []).map((option) => ({
          value: option.value,
          label: labelled(option.labels),
        }));
        const label = labelled(field.labels);
        return [`fields.${field.key}`, { label, values: choices, isMoment: field.kind === "date" }] as const;
      }),
    ]);
  }, [t, i18n.language, agents.data, fields.data]);
}
