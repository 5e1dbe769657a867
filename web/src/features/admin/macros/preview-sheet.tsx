import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Macro, MacroPreview } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { Table } from "@/ui/table.tsx";
import { usePreview } from "./queries.ts";

/** What a macro would make of a ticket. Nothing happens to it. */
export function PreviewSheet({ macro, onClose }: { macro: Macro; onClose: () => void }) {
  const { t } = useTranslation("admin");
  const preview = usePreview(macro);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    preview.mutate(Number(new FormData(event.currentTarget).get("number")));
  };
  return (
    <Sheet title={t("macros.previewOf", { name: macro.name })} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex items-end gap-2">
        <div className="flex-1">
          <Field label={t("macros.number")} name="number" type="number" min={1} required />
        </div>
        <Button look="primary" type="submit" disabled={preview.isPending}>
          {t("macros.preview")}
        </Button>
      </form>
      <ProblemText error={preview.error} />
      <div role="status" className="flex flex-col gap-4 empty:hidden">
        {preview.data === null && <p className="text-sm">{t("macros.noTicket")}</p>}
        {preview.data && <Outcome preview={preview.data} />}
      </div>
    </Sheet>
  );
}

function Outcome({ preview }: { preview: MacroPreview }) {
  const { t } = useTranslation("admin");
  const changes = Object.entries(preview.changes);
  return (
    <>
      {preview.problems.length > 0 && (
        <div className="rounded-md bg-bad-soft px-3 py-2 text-sm text-bad">
          {t("macros.inTheWay")}
          <ul className="list-disc ps-5">
            {preview.problems.map((problem) => (
              <li key={problem.step}>{problem.detail || problem.title}</li>
            ))}
          </ul>
        </div>
      )}
      {changes.length > 0 && (
        <Table label={t("macros.does")}>
          <thead>
            <tr>
              <th scope="col">{t("macros.field")}</th>
              <th scope="col">{t("macros.before")}</th>
              <th scope="col">{t("macros.after")}</th>
            </tr>
          </thead>
          <tbody>
            {changes.map(([field, change]) => (
              <tr key={field}>
                <th scope="row">{field}</th>
                <td>
                  <bdi>{written(change.before)}</bdi>
                </td>
                <td>
                  <bdi>{written(change.after)}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {preview.text && (
        <blockquote
          dir="auto"
          lang={preview.text.language}
          className="page-start rounded-md border border-line p-3 text-sm whitespace-pre-wrap"
        >
          {preview.text.text}
        </blockquote>
      )}
      {changes.length === 0 && !preview.text && <p className="text-sm">{t("macros.nothing")}</p>}
    </>
  );
}

function written(value: unknown): string {
  if (value === null || value === undefined) {
    return "–";
  }
  return Array.isArray(value)
    ? value.map(written).join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}
