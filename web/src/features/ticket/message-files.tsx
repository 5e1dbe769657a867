import { useQuery } from "@tanstack/react-query";
import { File, ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MessageFile } from "@/lib/api/types.ts";
import { formatBytes } from "@/lib/format.ts";
import { fileQuery } from "./file-query.ts";

/** The files of a message: a small picture of images, and whether they are handed on. */
export function MessageFiles({ files }: { files: readonly MessageFile[] }) {
  const { t } = useTranslation("ticket");
  return (
    <ul aria-label={t("file.label")} className="flex flex-wrap gap-2 pt-2">
      {files.map((file) => (
        <FileItem key={file.id} file={file} />
      ))}
    </ul>
  );
}

function FileItem({ file }: { file: MessageFile }) {
  const { t, i18n } = useTranslation("ticket");
  const details = useQuery(fileQuery(file.id));
  const { withheld, thumbnail_url: thumbnail, scan } = details.data ?? {};
  const facts = (
    <>
      <span className="grid size-10 shrink-0 place-items-center overflow-hidden rounded-sm bg-hover text-ink-soft">
        {withheld ? (
          <ShieldAlert aria-hidden className="size-4 text-bad" />
        ) : thumbnail ? (
          <img src={thumbnail} alt="" loading="lazy" className="size-full object-cover" />
        ) : (
          <File aria-hidden className="size-4" />
        )}
      </span>
      <span className="min-w-0">
        <bdi className="block truncate">{file.name}</bdi>
        <span className={`block text-xs ${withheld ? "text-bad" : "text-ink-soft"}`}>
          {withheld
            ? t(`file.withheld.${withheld === "too_many" ? "tooMany" : withheld}`)
            : formatBytes(file.size_bytes, i18n.language)}
          {!withheld && scan && ` · ${t(`file.scan.${scan}`)}`}
        </span>
      </span>
    </>
  );
  const look = "flex max-w-72 items-center gap-2 rounded-sm border border-line bg-surface p-1.5 pe-3 text-sm";
  return (
    <li className="min-w-0">
      {withheld ? (
        <div className={look}>{facts}</div>
      ) : (
        <a href={file.url} download={file.name} className={`${look} hover:bg-hover`}>
          {facts}
        </a>
      )}
    </li>
  );
}
