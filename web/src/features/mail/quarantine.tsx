import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { QuarantineFilters } from "./quarantine-filters.tsx";
import { QuarantineTable } from "./quarantine-table.tsx";
import { QuarantinedSheet } from "./quarantined-sheet.tsx";
import { quarantineQuery } from "./queries.ts";
import type { MailSearch } from "./sections.ts";
import { useReplay } from "./use-quarantine.ts";

/** As many as are read again at once. */
const MAX_SELECTED = 200;

/** Mail that was put aside: found, looked at, let in, read again, deleted. */
export function Quarantine({ search }: { search: MailSearch }) {
  const { t } = useTranslation(["mail", "page"]);
  const navigate = useNavigate();
  const list = useInfiniteQuery(quarantineQuery(search));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const rows = list.data?.pages.flatMap((page) => page.items);
  const chosen = (rows ?? []).filter((row) => selected.has(row.id)).map((row) => row.id);
  const replay = useReplay(() => setSelected(new Set()));
  const show = (next: MailSearch) =>
    void navigate({ to: "/admin/mail/$section", params: { section: "quarantine" }, search: next });
  const { mail, ...filter } = search;

  return (
    <>
      <PageHead title={t("sections.quarantine")} hint={t("quarantine.hint")} />
      <QuarantineFilters filter={filter} onChange={show} />
      <div role="status" className="text-sm text-good empty:hidden">
        {replay.data !== undefined && t("quarantine.replayed", { count: replay.data })}
      </div>
      <ProblemText error={replay.error} />
      <Loaded query={list} has={rows !== undefined}>
        {rows?.length === 0 ? (
          <Notice icon={<ShieldCheck aria-hidden className="size-6" />} title={t("quarantine.none")}>
            {filter.reason || filter.q ? t("quarantine.noneFound") : t("quarantine.noneHint")}
          </Notice>
        ) : (
          <>
            <div className="flex flex-wrap items-center gap-2">
              <span className="text-sm text-ink-soft tabular-nums">
                {t("quarantine.selected", { count: chosen.length })}
              </span>
              <Button
                disabled={chosen.length === 0 || chosen.length > MAX_SELECTED || replay.isPending}
                onClick={() => replay.mutate({ ids: chosen, release: false })}
              >
                {t("quarantine.again")}
              </Button>
              <Button
                disabled={chosen.length === 0 || chosen.length > MAX_SELECTED || replay.isPending}
                onClick={() => replay.mutate({ ids: chosen, release: true })}
              >
                {t("quarantine.release")}
              </Button>
            </div>
            <QuarantineTable
              rows={rows ?? []}
              selected={selected}
              onSelect={setSelected}
              onOpen={(id) => show({ ...filter, mail: id })}
            />
            {list.hasNextPage && (
              <div>
                <Button onClick={() => void list.fetchNextPage()} disabled={list.isFetchingNextPage}>
                  {t("page:more")}
                </Button>
              </div>
            )}
          </>
        )}
      </Loaded>
      {mail && <QuarantinedSheet key={mail} id={mail} onClose={() => show(filter)} />}
    </>
  );
}
