import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FileText, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import type { TicketTemplate } from "@/lib/api/types.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { DeleteSheet } from "../delete-sheet.tsx";
import { SeenBy } from "../seen-by.tsx";
import { TemplateSheet } from "./template-sheet.tsx";

export const templatesKey = ["admin", "templates"] as const;

const templatesQuery = queryOptions({
  queryKey: templatesKey,
  queryFn: async ({ signal }): Promise<TicketTemplate[]> =>
    (await answer(tickets.GET("/api/tickets/templates", { params: { query: { limit: 200 } }, signal }))).items,
});

/** What tickets begin with that are opened by hand. */
export default function Templates() {
  const { t } = useTranslation("admin");
  const templates = useQuery(templatesQuery);
  const [edited, setEdited] = useState<string | "new" | null>(null);
  return (
    <>
      <PageHead title={t("sections.templates")} hint={t("templates.hint")}>
        <Button look="primary" onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("templates.add")}
        </Button>
      </PageHead>
      <SeenBy isForLeads />
      <Loaded query={templates} has={templates.data !== undefined}>
        {templates.data?.length === 0 ? (
          <Notice icon={<FileText aria-hidden className="size-6" />} title={t("templates.none")} />
        ) : (
          <ul className="flex flex-col gap-3">
            {templates.data?.map((template) => (
              <TemplateItem key={template.id} template={template} onEdit={() => setEdited(template.id)} />
            ))}
          </ul>
        )}
      </Loaded>
      {edited !== null && (
        <TemplateSheet
          template={templates.data?.find((template) => template.id === edited) ?? null}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}

function TemplateItem({ template, onEdit }: { template: TicketTemplate; onEdit: () => void }) {
  const { t } = useTranslation(["admin", "page"]);
  const queryClient = useQueryClient();
  const [isDeleting, setDeleting] = useState(false);
  const remove = useMutation({
    mutationFn: async () => {
      const params = { path: { template_id: template.id }, header: { "if-match": `"${template.version}"` } };
      await answer(tickets.DELETE("/api/tickets/templates/{template_id}", { params }));
    },
    onSuccess: () => setDeleting(false),
    onSettled: () => queryClient.invalidateQueries({ queryKey: templatesKey }),
  });
  const { name } = template;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md border border-line bg-surface p-4">
      <div className="flex min-w-0 flex-1 basis-64 flex-col gap-1">
        <div className="flex flex-wrap items-center gap-2">
          <h3 className="min-w-0 font-medium break-words">
            <bdi>{name}</bdi>
          </h3>
          {!template.active && <Badge tone="warn">{t("common.inactive")}</Badge>}
        </div>
        <p dir="auto" className="page-start line-clamp-2 text-sm text-ink-soft empty:hidden">
          {template.description}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        <Button onClick={onEdit} aria-label={t("common.editOf", { name })}>
          {t("page:edit")}
        </Button>
        <Button look="danger" onClick={() => setDeleting(true)} aria-label={t("common.deleteOf", { name })}>
          {t("page:delete")}
        </Button>
      </div>
      {isDeleting && (
        <DeleteSheet
          name={name}
          error={remove.error}
          isPending={remove.isPending}
          onDelete={() => remove.mutate()}
          onClose={() => setDeleting(false)}
        />
      )}
    </li>
  );
}
