import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Priority, TicketTemplate, TicketTemplateBody } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { listOf } from "@/lib/lists.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { PRIORITIES } from "../workflow/draft.ts";
import { templatesKey } from "./templates.tsx";

/** A template to make or to change. What the form does not show, own fields among it, stays. */
export function TemplateSheet({ template, onClose }: { template: TicketTemplate | null; onClose: () => void }) {
  const { t, i18n } = useTranslation(["admin", "desk"]);
  const queryClient = useQueryClient();
  // What the writer has seen: a version that comes in meanwhile must not be written over.
  const [seen] = useState(template);
  const lifecycle = useQuery(lifecycleQuery);
  const keyed = useAttempt();
  const save = useMutation({
    mutationFn: async (body: TicketTemplateBody): Promise<TicketTemplate> => {
      if (seen === null) {
        return keyed(body, (key) =>
          answer(tickets.POST("/api/tickets/templates", { params: { header: { "idempotency-key": key } }, body })),
        );
      }
      const params = { path: { template_id: seen.id }, header: { "if-match": `"${seen.version}"` } };
      return answer(tickets.PUT("/api/tickets/templates/{template_id}", { params, body }));
    },
    onSuccess: onClose,
    onSettled: () => queryClient.invalidateQueries({ queryKey: templatesKey }),
  });
  const content = seen?.content;
  return (
    <FormSheet
      title={seen?.name ?? t("templates.add")}
      onClose={onClose}
      onSubmit={(form) => save.mutate(templateFrom(form, seen))}
      error={save.error}
      isPending={save.isPending}
    >
      <Field label={t("common.name")} name="name" dir="auto" required maxLength={200} defaultValue={seen?.name} />
      <Field
        label={t("common.description")}
        name="description"
        dir="auto"
        maxLength={2000}
        defaultValue={seen?.description}
      />
      <Field label={t("templates.subject")} name="subject" dir="auto" defaultValue={content?.subject ?? ""} />
      <label className="flex flex-col gap-1 text-xs text-ink-soft">
        {t("templates.text")}
        <textarea
          name="text"
          dir="auto"
          rows={5}
          defaultValue={content?.text ?? ""}
          className="rounded-sm border border-control bg-surface px-2 py-1 text-sm text-ink"
        />
      </label>
      <div className="grid gap-4 md:grid-cols-2">
        <ChoiceField label={t("common.priority")} name="priority" defaultValue={content?.priority ?? ""}>
          <option value="">–</option>
          {PRIORITIES.map((priority) => (
            <option key={priority} value={priority}>
              {t(`desk:priority.${priority}`)}
            </option>
          ))}
        </ChoiceField>
        <ChoiceField
          // Choices come later than the form: drawn anew, it keeps its value.
          key={lifecycle.data?.version}
          label={t("common.type")}
          name="type"
          defaultValue={content?.type_key ?? content?.type ?? ""}
        >
          <option value="">–</option>
          {lifecycle.data?.types.map((type) => (
            <option key={type.key} value={type.key}>
              {labelOf(type.labels, i18n.language, type.key)}
            </option>
          ))}
        </ChoiceField>
        <Field label={t("common.group")} name="group" dir="auto" defaultValue={content?.group ?? ""} />
        <Field
          label={t("common.tags")}
          hint={t("common.commas")}
          name="tags"
          dir="auto"
          defaultValue={content?.tags?.join(", ")}
        />
      </div>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" name="active" defaultChecked={seen?.active ?? true} className="size-4 accent-accent" />
        {t("common.active")}
      </label>
    </FormSheet>
  );
}

function templateFrom(form: FormData, before: TicketTemplate | null): TicketTemplateBody {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const some = (name: string) => text(name) || null;
  return {
    name: text("name"),
    description: text("description"),
    active: form.get("active") === "on",
    position: before?.position ?? 0,
    content: {
      fields: {},
      ...before?.content,
      subject: some("subject"),
      text: some("text"),
      priority: some("priority") as Priority | null,
      // A type is chosen by its own key.
      type: null,
      type_key: some("type"),
      group: some("group"),
      tags: listOf(form.get("tags")),
    },
  };
}
