import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleAlert, CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MailAccount } from "@/lib/api/types.ts";
import { lastDays } from "@/lib/period.ts";
import { Badge } from "@/ui/badge.tsx";
import { Field } from "@/ui/field.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { Table } from "@/ui/table.tsx";
import { reconciliationQuery } from "./queries.ts";
import { useReasonWords } from "./reason.ts";
import type { MailSearch } from "./sections.ts";

const COUNTS = ["received", "again", "unique", "opened", "joined", "held"] as const;

/** Whether every mail of a period is accounted for, in each mailbox and in all. */
export function Reconciliation({ search }: { search: MailSearch }) {
  const { t } = useTranslation("mail");
  const navigate = useNavigate();
  const { from, to } = search.from && search.to ? { from: search.from, to: search.to } : lastDays(7, new Date());
  const accounts = useQuery(reconciliationQuery({ from, to }));
  const choose = (days: { from: string; to: string }) => {
    // A field that is being typed in has no day for a moment.
    if (days.from && days.to && days.from <= days.to) {
      void navigate({ to: "/admin/mail/$section", params: { section: "reconciliation" }, search: days, replace: true });
    }
  };
  const found = accounts.data;
  return (
    <>
      <PageHead title={t("sections.reconciliation")} hint={t("account.hint")}>
        <div className="flex flex-wrap gap-2">
          <Field
            label={t("account.from")}
            type="date"
            value={from}
            max={to}
            onChange={(event) => choose({ from: event.target.value, to })}
          />
          <Field
            label={t("account.to")}
            type="date"
            value={to}
            min={from}
            onChange={(event) => choose({ from, to: event.target.value })}
          />
        </div>
      </PageHead>
      <Loaded query={accounts} has={found !== undefined}>
        {found && (
          <>
            <p
              role="status"
              className={`flex items-center gap-2 rounded-md px-3 py-2 text-sm ${found.balanced ? "bg-good-soft text-good" : "bg-bad-soft text-bad"}`}
            >
              {found.balanced ? (
                <CircleCheck aria-hidden className="size-4 shrink-0" />
              ) : (
                <CircleAlert aria-hidden className="size-4 shrink-0" />
              )}
              {found.balanced ? t("account.balanced") : t("account.missing", { count: found.total.unaccounted })}
            </p>
            <Table label={t("sections.reconciliation")}>
              <thead>
                <tr>
                  <th scope="col">{t("account.mailbox")}</th>
                  {COUNTS.map((count) => (
                    <th key={count} scope="col">
                      {t(`account.${count}`)}
                    </th>
                  ))}
                  <th scope="col">{t("account.ignored")}</th>
                  <th scope="col">{t("account.quarantined")}</th>
                  <th scope="col">{t("account.pending")}</th>
                  <th scope="col">{t("account.sum")}</th>
                </tr>
              </thead>
              <tbody>
                {found.mailboxes.map((account) => (
                  <AccountRow
                    key={account.mailbox_id ?? ""}
                    account={account}
                    name={account.address ?? t("account.deleted")}
                  />
                ))}
              </tbody>
              <tfoot className="font-medium">
                <AccountRow account={found.total} name={t("account.total")} />
              </tfoot>
            </Table>
          </>
        )}
      </Loaded>
    </>
  );
}

function AccountRow({ account, name }: { account: MailAccount; name: string }) {
  const { t, i18n } = useTranslation("mail");
  const number = new Intl.NumberFormat(i18n.language);
  return (
    <tr>
      <th scope="row" className="font-normal">
        <bdi>{name}</bdi>
      </th>
      {COUNTS.map((count) => (
        <td key={count} className="tabular-nums">
          {number.format(account[count])}
        </td>
      ))}
      <td>
        <ByReason counts={account.ignored} />
      </td>
      <td>
        <ByReason counts={account.quarantined} isQuarantine />
      </td>
      <td className="tabular-nums">{number.format(account.pending)}</td>
      <td>
        <Badge tone={account.balanced ? "good" : "bad"}>
          {account.balanced ? t("account.even") : t("account.missing", { count: account.unaccounted })}
        </Badge>
      </td>
    </tr>
  );
}

/** How many in all, and for each reason. */
function ByReason({ counts, isQuarantine = false }: { counts: Record<string, number>; isQuarantine?: boolean }) {
  const { i18n } = useTranslation("mail");
  const reasonWords = useReasonWords();
  const number = new Intl.NumberFormat(i18n.language);
  const reasons = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return (
    <>
      <span className="tabular-nums">{number.format(reasons.reduce((sum, [, count]) => sum + count, 0))}</span>
      {reasons.length > 0 && (
        <ul className="min-w-40 pt-0.5 text-xs font-normal text-ink-soft">
          {reasons.map(([reason, count]) => (
            <li key={reason}>
              <span className="tabular-nums">{number.format(count)}</span>{" "}
              {isQuarantine ? (
                <Link
                  to="/admin/mail/$section"
                  params={{ section: "quarantine" }}
                  search={{ reason }}
                  className="inline-flex min-h-6 items-center underline hover:text-ink"
                >
                  {reasonWords(reason)}
                </Link>
              ) : (
                reasonWords(reason)
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
