import { useQuery } from "@tanstack/react-query";
import { CircleAlert, Paperclip, RotateCw, X } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { slugOf, statusOf } from "@/lib/api/problem.ts";
import { formatBytes } from "@/lib/format.ts";
import type { DraftFile } from "./drafts.ts";
import { fileQuery } from "./file-query.ts";
import { isWorthRetrying, type Uploading, type Uploads } from "./uploads.ts";

interface UploadListProps {
  files: readonly DraftFile[];
  underway: readonly Uploading[];
  uploads: Uploads;
  onRemove: (id: string) => void;
}

/** The files of a message that is being written: those that are there, and those on their way. */
export function UploadList({ files, underway, uploads, onRemove }: UploadListProps) {
  const { t } = useTranslation("ticket");
  if (files.length + underway.length === 0) {
    return null;
  }
  return (
    <ul aria-label={t("file.label")} className="mx-4 mb-2 flex max-h-32 flex-wrap gap-2 overflow-y-auto">
      {files.map((file) => (
        <KeptItem key={file.id} file={file} onRemove={() => onRemove(file.id)} />
      ))}
      {underway.map((each) => (
        <UploadItem key={each.key} upload={each} uploads={uploads} />
      ))}
    </ul>
  );
}

function KeptItem({ file, onRemove }: { file: DraftFile; onRemove: () => void }) {
  const { t, i18n } = useTranslation("ticket");
  // What a scanner finds is told before the message is sent; of a draft from elsewhere the name is known here alone.
  const { data } = useQuery(fileQuery(file.id));
  const name = file.name || (data?.name ?? "");
  const withheld = data?.withheld;
  return (
    <Item
      name={name}
      isBad={Boolean(withheld) && withheld !== "pending"}
      fact={
        withheld
          ? t(`file.withheld.${withheld === "too_many" ? "tooMany" : withheld}`)
          : formatBytes(file.size || (data?.size_bytes ?? 0), i18n.language)
      }
    >
      <Remove name={name} onRemove={onRemove} />
    </Item>
  );
}

function UploadItem({ upload: { key, file, part, error }, uploads }: { upload: Uploading; uploads: Uploads }) {
  const { t, i18n } = useTranslation("ticket");
  const percent = new Intl.NumberFormat(i18n.language, { style: "percent" }).format(part ?? 0);
  return (
    <Item name={file.name} isBad={error !== null} fact={error === null ? percent : words(error)}>
      {error === null && (
        <progress aria-label={t("upload.progress", { name: file.name })} value={part ?? 0} className="sr-only" />
      )}
      {error !== null && isWorthRetrying(error) && (
        <button
          type="button"
          aria-label={t("upload.retry", { name: file.name })}
          onClick={() => uploads.retry(key)}
          className={SMALL}
        >
          <RotateCw aria-hidden className="size-4" />
        </button>
      )}
      <Remove name={file.name} onRemove={() => uploads.remove(key)} />
      {error === null && (
        <span
          aria-hidden
          className="absolute inset-x-0 bottom-0 h-0.5 origin-left scale-x-(--part) bg-accent transition-transform rtl:origin-right"
          style={{ "--part": part ?? 0 } as CSSProperties}
        />
      )}
    </Item>
  );

  function words(problem: unknown): string {
    if (slugOf(problem) === "file-blocked") {
      return t("upload.blocked");
    }
    switch (statusOf(problem)) {
      case null:
        return t("upload.unreachable");
      case 413:
        return t("upload.tooLarge", { size: formatBytes(MAX_BYTES, i18n.language) });
      case 422:
        return t("upload.empty");
      case 429:
        return t("upload.tooMuch");
      default:
        return t("upload.failed");
    }
  }
}

/** What the edge lets through at once; told to people, never decided here. */
const MAX_BYTES = 25_000_000;
const SMALL = "grid size-6 shrink-0 place-items-center rounded-sm text-ink-soft hover:bg-hover hover:text-ink";

function Item({ name, fact, isBad, children }: { name: string; fact: string; isBad: boolean; children: ReactNode }) {
  return (
    <li
      className={`relative flex max-w-full items-center gap-2 overflow-hidden rounded-sm border bg-surface py-1 ps-2 pe-1 text-sm ${isBad ? "border-bad" : "border-line"}`}
    >
      {isBad ? (
        <CircleAlert aria-hidden className="size-4 shrink-0 text-bad" />
      ) : (
        <Paperclip aria-hidden className="size-4 shrink-0 text-ink-faint" />
      )}
      <span className="min-w-0">
        <bdi className="block max-w-48 truncate">{name}</bdi>
        <span role={isBad ? "alert" : undefined} className={`block text-xs ${isBad ? "text-bad" : "text-ink-soft"}`}>
          {fact}
        </span>
      </span>
      {children}
    </li>
  );
}

function Remove({ name, onRemove }: { name: string; onRemove: () => void }) {
  const { t } = useTranslation("ticket");
  return (
    <button type="button" aria-label={t("upload.remove", { name })} onClick={onRemove} className={SMALL}>
      <X aria-hidden className="size-4" />
    </button>
  );
}
