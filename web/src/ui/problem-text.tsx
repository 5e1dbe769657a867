import { useTranslation } from "react-i18next";
import { ApiError, statusOf } from "@/lib/api/problem.ts";

/** Why a change was not made, in words. */
export function ProblemText({ error }: { error: Error | null }) {
  const { t } = useTranslation("page");
  return (
    <div role="alert" className="text-sm text-bad empty:hidden">
      {error && words(error)}
    </div>
  );

  function words(problem: Error): string {
    switch (statusOf(problem)) {
      case null:
        return t("unreachable");
      case 403:
        return t("notAllowed");
      case 412:
        return t("changedMeanwhile");
      default: {
        const fields = problem instanceof ApiError ? (problem.problem.errors ?? []) : [];
        return [t("refused", { reason: problem.message }), ...fields.map(({ loc, msg }) => said(loc, msg))].join(" ");
      }
    }
  }
}

function said(loc: readonly (string | number)[], message: string): string {
  return `${loc.filter((part) => part !== "body").join(".")}: ${message}.`;
}
