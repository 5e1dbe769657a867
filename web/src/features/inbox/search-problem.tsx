import { TextSearch } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "@/lib/api/problem.ts";

/** Why a search line cannot be read, shown at its place, and what can be written. */
export default function SearchProblem({ line, problem }: { line: string; problem: Problem | undefined }) {
  const { t } = useTranslation("inbox");
  const position = problem?.position;
  return (
    <div role="alert" className="flex flex-col gap-3 p-4 text-sm">
      <p className="flex items-center gap-2 font-medium text-bad">
        <TextSearch aria-hidden className="size-4" />
        {t("search.unreadable")}
      </p>
      {position !== undefined && (
        <p dir="ltr" className="rounded-sm border border-line bg-canvas px-2 py-1 font-mono break-all">
          {line.slice(0, position)}
          <mark className="bg-bad-soft text-bad underline decoration-wavy underline-offset-4">
            {/^\S*/.exec(line.slice(position))?.[0] || "⎵"}
          </mark>
          {line.slice(position).replace(/^\S*/, "")}
        </p>
      )}
      <p lang="en" dir="ltr" className="page-start text-ink-soft">
        {problem?.detail}
      </p>
      <p className="text-ink-soft">{t("search.help")}</p>
    </div>
  );
}
