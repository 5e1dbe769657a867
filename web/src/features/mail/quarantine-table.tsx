import { useTranslation } from "react-i18next";
import type { QuarantinedRow } from "@/lib/api/types.ts";
import { formatBytes, formatExact, formatWhen } from "@/lib/format.ts";
import { Table } from "@/ui/table.tsx";
import { useReasonWords } from "./reason.ts";

interface QuarantineTableProps {
  rows: readonly QuarantinedRow[];
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  onOpen: (id: string) => void;
}

/** On the line of its row, in a target of 24 px. */
const TARGET = "flex size-6 items-center";
const BOX = "size-4 translate-y-0.75 accent-accent";

export function QuarantineTable({ rows, selected, onSelect, onOpen }: QuarantineTableProps) {
  const { t, i18n } = useTranslation(["mail", "desk"]);
  const reasonWords = useReasonWords();
  const isAll = rows.every((row) => selected.has(row.id));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) {
      next.add(id);
    }
    onSelect(next);
  };
  return (
    <Table label={t("sections.quarantine")}>
      <thead>
        <tr>
          <th scope="col" className="w-6">
            <label className={TARGET}>
              <input
                type="checkbox"
                aria-label={t("quarantine.selectAll")}
                checked={isAll}
                onChange={() => onSelect(new Set(isAll ? [] : rows.map((row) => row.id)))}
                className={BOX}
              />
            </label>
          </th>
          <th scope="col">{t("quarantine.subject")}</th>
          <th scope="col">{t("quarantine.reason")}</th>
          <th scope="col">{t("quarantine.when")}</th>
          <th scope="col">{t("quarantine.size")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            <td>
              <label className={TARGET}>
                <input
                  type="checkbox"
                  aria-label={t("quarantine.select", { subject: row.subject || t("desk:ticket.noSubject") })}
                  checked={selected.has(row.id)}
                  onChange={() => toggle(row.id)}
                  className={BOX}
                />
              </label>
            </td>
            <td className="min-w-48">
              <button
                type="button"
                onClick={() => onOpen(row.id)}
                className="min-h-6 text-start font-medium break-words text-ink hover:underline"
              >
                <bdi>{row.subject || t("desk:ticket.noSubject")}</bdi>
              </button>
              <div className="text-xs break-all text-ink-soft">
                <bdi>{row.sender ?? t("quarantine.noSender")}</bdi>
              </div>
            </td>
            <td className="min-w-40">{reasonWords(row.reason)}</td>
            <td className="whitespace-nowrap tabular-nums">
              <time dateTime={row.received_at} title={formatExact(row.received_at, i18n.language)}>
                {formatWhen(row.received_at, i18n.language, Date.now())}
              </time>
            </td>
            <td className="whitespace-nowrap tabular-nums">{formatBytes(row.size_bytes, i18n.language)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
