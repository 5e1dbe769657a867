import { useQuery } from "@tanstack/react-query";
import { Plus, Zap } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Macro } from "@/lib/api/types.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { DeleteSheet } from "../delete-sheet.tsx";
import { SeenBy } from "../seen-by.tsx";
import { MacroSheet } from "./macro-sheet.tsx";
import { PreviewSheet } from "./preview-sheet.tsx";
import { macrosQuery, useDeleteMacro } from "./queries.ts";

/** What agents do again and again, in one step. */
export default function Macros() {
  const { t } = useTranslation("admin");
  const macros = useQuery(macrosQuery);
  const [edited, setEdited] = useState<string | "new" | null>(null);
  return (
    <>
      <PageHead title={t("sections.macros")} hint={t("macros.hint")}>
        <Button look="primary" onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("macros.add")}
        </Button>
      </PageHead>
      <SeenBy isForLeads />
      <Loaded query={macros} has={macros.data !== undefined}>
        {macros.data?.length === 0 ? (
          <Notice icon={<Zap aria-hidden className="size-6" />} title={t("macros.none")} />
        ) : (
          <ul className="flex flex-col gap-3">
            {macros.data?.map((macro) => (
              <MacroItem key={macro.id} macro={macro} onEdit={() => setEdited(macro.id)} />
            ))}
          </ul>
        )}
      </Loaded>
      {edited !== null && (
        <MacroSheet macro={macros.data?.find((macro) => macro.id === edited) ?? null} onClose={() => setEdited(null)} />
      )}
    </>
  );
}

function MacroItem({ macro, onEdit }: { macro: Macro; onEdit: () => void }) {
  const { t } = useTranslation(["admin", "page"]);
  const [opened, setOpened] = useState<"preview" | "delete" | null>(null);
  const close = () => setOpened(null);
  const remove = useDeleteMacro(macro, close);
  const { name } = macro;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md border border-line bg-surface p-4">
      <div className="flex min-w-0 flex-1 basis-64 flex-col gap-1">
        <div className="flex flex-wrap items-center gap-2">
          <h3 className="min-w-0 font-medium break-words">
            <bdi>{name}</bdi>
          </h3>
          {macro.shortcut && <Badge>/{macro.shortcut}</Badge>}
          {!macro.active && <Badge tone="warn">{t("common.inactive")}</Badge>}
          <Badge tone="accent">
            {macro.visibility === "groups" ? (
              <bdi>{macro.groups?.join(", ")}</bdi>
            ) : (
              t(`macros.visibilities.${macro.visibility ?? "everyone"}`)
            )}
          </Badge>
        </div>
        <p dir="auto" className="page-start line-clamp-2 text-sm text-ink-soft empty:hidden">
          {macro.description}
        </p>
        <p className="text-xs text-ink-faint">{t("macros.uses", { count: macro.uses })}</p>
      </div>
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => setOpened("preview")} aria-label={t("macros.previewOf", { name })}>
          {t("macros.preview")}
        </Button>
        <Button onClick={onEdit} aria-label={t("common.editOf", { name })}>
          {t("page:edit")}
        </Button>
        <Button look="danger" onClick={() => setOpened("delete")} aria-label={t("common.deleteOf", { name })}>
          {t("page:delete")}
        </Button>
      </div>
      {opened === "preview" && <PreviewSheet macro={macro} onClose={close} />}
      {opened === "delete" && (
        <DeleteSheet
          name={name}
          error={remove.error}
          isPending={remove.isPending}
          onDelete={() => remove.mutate()}
          onClose={close}
        />
      )}
    </li>
  );
}
