import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "@/features/ticket/queries.ts";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import type { Macro, Priority } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { hoursOf } from "./macro-body.ts";

const PRIORITIES: readonly Priority[] = ["low", "normal", "high", "urgent"];

/** What a macro does to a ticket. */
export function MacroActions({ macro }: { macro: Macro | null }) {
  const { t, i18n } = useTranslation(["admin", "desk"]);
  const lifecycle = useQuery(lifecycleQuery);
  const agents = useQuery(agentsQuery);
  const actions = macro?.actions;
  const keep = <option value="">{t("common.asItIs")}</option>;
  if (!lifecycle.data || !agents.data) {
    // Choices come first: a field that is drawn without its value would lose it.
    return <div className="shimmer h-14" />;
  }
  const names = (all: readonly { key: string; labels: Record<string, string>; active: boolean }[]) =>
    all.map((each) => (
      <option key={each.key} value={each.key}>
        {labelOf(each.labels, i18n.language, each.key)}
      </option>
    ));
  return (
    <fieldset className="grid gap-4 rounded-md border border-line p-4 md:grid-cols-2">
      <legend className="px-1 text-sm font-medium">{t("macros.does")}</legend>
      <ChoiceField label={t("common.status")} name="status" defaultValue={actions?.status_key ?? actions?.status ?? ""}>
        {keep}
        {names(lifecycle.data.statuses)}
      </ChoiceField>
      <ChoiceField label={t("common.priority")} name="priority" defaultValue={actions?.priority ?? ""}>
        {keep}
        {PRIORITIES.map((priority) => (
          <option key={priority} value={priority}>
            {t(`desk:priority.${priority}`)}
          </option>
        ))}
      </ChoiceField>
      <ChoiceField label={t("common.type")} name="type" defaultValue={actions?.type_key ?? actions?.type ?? ""}>
        {keep}
        {names(lifecycle.data.types)}
      </ChoiceField>
      <Field label={t("common.group")} name="group" dir="auto" maxLength={100} defaultValue={actions?.group ?? ""} />
      <ChoiceField label={t("macros.assignee")} name="assignee" defaultValue={actions?.assignee ?? ""}>
        {keep}
        <option value="me">{t("macros.me")}</option>
        <option value="none">{t("macros.nobody")}</option>
        {agents.data.map((agent) => (
          <option key={agent.id} value={agent.id}>
            {agent.name}
          </option>
        ))}
      </ChoiceField>
      <Field label={t("macros.snooze")} name="snooze" type="number" min={0} step="any" defaultValue={hoursOf(macro)} />
      <Field
        label={t("macros.addTags")}
        hint={t("common.commas")}
        name="add_tags"
        dir="auto"
        defaultValue={actions?.add_tags?.join(", ")}
      />
      <Field
        label={t("macros.removeTags")}
        hint={t("common.commas")}
        name="remove_tags"
        dir="auto"
        defaultValue={actions?.remove_tags?.join(", ")}
      />
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" name="follow" defaultChecked={actions?.follow} className="size-4 accent-accent" />
        {t("macros.follow")}
      </label>
    </fieldset>
  );
}
