import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { answer, ingestion } from "@/lib/api/client.ts";
import type { Suppression } from "@/lib/api/types.ts";
import { formatExact, formatWhen } from "@/lib/format.ts";
import { moments } from "@/lib/period.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { Table } from "@/ui/table.tsx";
import { mailKeys, suppressionsQuery } from "./queries.ts";

const TONES = { bounce: "warn", complaint: "bad", manual: "neutral" } as const;

/** Addresses that nobody writes to any more, why, and how long. */
export function Suppressions() {
  const { t } = useTranslation(["mail", "page"]);
  const queryClient = useQueryClient();
  const list = useInfiniteQuery(suppressionsQuery);
  const rows = list.data?.pages.flatMap((page) => page.items);
  const free = useMutation({
    mutationFn: async (id: string) => {
      const params = { path: { suppression_id: id } };
      await answer(ingestion.DELETE("/api/channels/suppressions/{suppression_id}", { params }));
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.suppressions }),
  });
  return (
    <>
      <PageHead title={t("sections.suppressions")} hint={t("suppression.hint")} />
      <AddForm />
      <ProblemText error={free.error} />
      <Loaded query={list} has={rows !== undefined}>
        {rows?.length === 0 ? (
          <Notice icon={<MailCheck aria-hidden className="size-6" />} title={t("suppression.none")}>
            {t("suppression.noneHint")}
          </Notice>
        ) : (
          <Table label={t("sections.suppressions")}>
            <thead>
              <tr>
                <th scope="col">{t("suppression.address")}</th>
                <th scope="col">{t("suppression.why")}</th>
                <th scope="col">{t("suppression.since")}</th>
                <th scope="col">{t("suppression.until")}</th>
                <th scope="col">
                  <span className="sr-only">{t("suppression.free")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows?.map((row) => (
                <Row key={row.id} row={row} onFree={() => free.mutate(row.id)} isBusy={free.isPending} />
              ))}
            </tbody>
          </Table>
        )}
        {list.hasNextPage && (
          <div>
            <Button onClick={() => void list.fetchNextPage()} disabled={list.isFetchingNextPage}>
              {t("page:more")}
            </Button>
          </div>
        )}
      </Loaded>
    </>
  );
}

function Row({ row, onFree, isBusy }: { row: Suppression; onFree: () => void; isBusy: boolean }) {
  const { t, i18n } = useTranslation(["mail", "page"]);
  return (
    <tr>
      <th scope="row" className="break-all">
        <bdi>{row.address}</bdi>
      </th>
      <td className="min-w-48">
        <Badge tone={TONES[row.reason]}>{t(`suppression.reason.${row.reason}`)}</Badge>
        {row.detail && (
          <div dir="auto" className="page-start pt-1 text-xs break-words text-ink-soft">
            {row.detail}
          </div>
        )}
      </td>
      <td className="whitespace-nowrap tabular-nums">
        <time dateTime={row.added_at} title={formatExact(row.added_at, i18n.language)}>
          {formatWhen(row.added_at, i18n.language, Date.now())}
        </time>
      </td>
      <td className="whitespace-nowrap tabular-nums">
        {row.expires_at ? formatExact(row.expires_at, i18n.language) : t("suppression.forGood")}
      </td>
      <td>
        <Button onClick={onFree} disabled={isBusy} aria-label={t("suppression.freeAddress", { address: row.address })}>
          {t("suppression.free")}
        </Button>
      </td>
    </tr>
  );
}

function AddForm() {
  const { t } = useTranslation(["mail", "page"]);
  const queryClient = useQueryClient();
  const add = useMutation({
    mutationFn: async ({ address, note, until }: { address: string; note: string; until: string }) => {
      const body = { address, note, ...(until && { expires_at: moments({ from: until, to: until }).until }) };
      return answer(ingestion.POST("/api/channels/suppressions", { body }));
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.suppressions }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const text = (name: string) => String(said.get(name) ?? "").trim();
    add.mutate(
      { address: text("address"), note: text("note"), until: text("until") },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3 rounded-md border border-line bg-surface p-4">
      <div className="flex flex-wrap items-end gap-3">
        <div className="min-w-56 flex-1">
          <Field label={t("suppression.address")} name="address" type="email" dir="ltr" required />
        </div>
        <div className="min-w-56 flex-1">
          <Field label={t("suppression.note")} name="note" dir="auto" maxLength={300} />
        </div>
        <Field label={t("suppression.untilOptional")} name="until" type="date" />
        <Button type="submit" disabled={add.isPending}>
          {t("suppression.add")}
        </Button>
      </div>
      <ProblemText error={add.error} />
    </form>
  );
}
