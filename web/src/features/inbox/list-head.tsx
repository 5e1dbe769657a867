import { Hash, Pencil, Star } from "lucide-react";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { KeptView, Session } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { useCountText } from "./count.tsx";
import type { List } from "./rows.ts";
import { SortSelect } from "./sort-select.tsx";
import type { Source } from "./source.ts";
import type { Cursor } from "./use-cursor.ts";

const ViewSheet = lazy(() => import("./view-sheet.tsx"));

interface ListHeadProps {
  title: string;
  source: Source;
  view: KeptView | null;
  list: List | undefined;
  session: Session;
  cursor: Cursor;
  onSort: (sort: string) => void;
}

/** What is listed, how many there are, in which order, and the way to any row of it. */
export function ListHead({ title, source, view, list, session, cursor, onSort }: ListHeadProps) {
  const { t } = useTranslation("inbox");
  const countText = useCountText();
  const [isGoing, setGoing] = useState(false);
  const [isEditing, setEditing] = useState(false);
  const leads = session.role === "supervisor" || session.role === "admin";
  const mayEdit = view !== null && (view.visibility === "personal" || leads);
  const count = list && source.kind === "words" && list.next === null ? list.rows.length : list?.total.count;
  const enabled = (list?.rows.length ?? 0) > 1;
  useCommand({ id: "list:goTo", group: "list", key: "#", label: t("key.goTo"), run: () => setGoing(true), enabled });

  return (
    <header className="flex flex-col gap-2 border-b border-line px-4 py-2">
      <div className="flex min-h-8 items-center gap-2">
        <h2 dir="auto" className="page-start min-w-0 truncate text-base font-semibold">
          {title}
        </h2>
        <span role="status" className="text-sm whitespace-nowrap text-ink-faint tabular-nums">
          {list && count !== undefined && (
            <>
              <span aria-hidden>{countText({ ...list.total, count })}</span>
              <span className="sr-only">
                {t("count.tickets", { count, number: countText({ ...list.total, count }) })}
              </span>
            </>
          )}
        </span>
        <span className="flex-1" />
        {enabled && (
          <Button
            look="quiet"
            size="icon"
            aria-label={t("goTo.title")}
            title={t("goTo.title")}
            onClick={() => setGoing(!isGoing)}
          >
            <Hash aria-hidden className="size-4" />
          </Button>
        )}
        {source.kind === "fields" && (
          <Button
            look="quiet"
            size="icon"
            aria-label={t("view.keep")}
            title={t("view.keep")}
            onClick={() => setEditing(true)}
          >
            <Star aria-hidden className="size-4" />
          </Button>
        )}
        {source.kind === "kept" && mayEdit && (
          <Button
            look="quiet"
            size="icon"
            aria-label={t("view.edit")}
            title={t("view.edit")}
            onClick={() => setEditing(true)}
          >
            <Pencil aria-hidden className="size-4" />
          </Button>
        )}
        <SortSelect source={source} view={view} onSort={onSort} />
      </div>
      {isGoing && list && <GoTo rows={list.rows.length} cursor={cursor} onClose={() => setGoing(false)} />}
      {list && list.corrected.length > 0 && (
        <p className="text-sm text-ink-soft">
          {t("search.corrected")}{" "}
          {list.corrected.map(({ written, searched }) => (
            <bdi key={written} className="me-2">
              {written}{" "}
              <span aria-hidden className="inline-block rtl:-scale-x-100">
                →
              </span>{" "}
              <strong className="font-medium text-ink">{searched.join(", ")}</strong>
            </bdi>
          ))}
        </p>
      )}
      <Suspense>
        {isEditing && (
          <ViewSheet
            view={source.kind === "kept" ? view : null}
            line={source.kind === "fields" ? source.q : null}
            sort={source.kind === "fields" ? source.sort : null}
            leads={leads}
            onClose={() => setEditing(false)}
          />
        )}
      </Suspense>
    </header>
  );
}

/** Leads to the row of a number, counted from the first. */
function GoTo({ rows, cursor, onClose }: { rows: number; cursor: Cursor; onClose: () => void }) {
  const { t, i18n } = useTranslation("inbox");
  const go = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    cursor.go(Number(new FormData(event.currentTarget).get("row")) - 1);
    onClose();
  };
  return (
    <form onSubmit={go} className="flex items-center gap-2 text-sm text-ink-soft">
      <label className="flex min-w-0 items-center gap-2">
        {t("goTo.row", { rows: new Intl.NumberFormat(i18n.language).format(rows) })}
        <input
          name="row"
          type="number"
          required
          min={1}
          max={rows}
          // biome-ignore lint/a11y/noAutofocus: it appears because somebody asked to write into it
          autoFocus
          onKeyDown={(event) => event.key === "Escape" && onClose()}
          className="h-8 w-24 rounded-sm border border-control bg-surface px-2 text-ink tabular-nums"
        />
      </label>
      <Button type="submit">{t("goTo.go")}</Button>
    </form>
  );
}
