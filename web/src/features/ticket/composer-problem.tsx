import { useTranslation } from "react-i18next";
import { ApiError, statusOf } from "@/lib/api/problem.ts";
import { Button } from "@/ui/button.tsx";

interface ComposerProblemProps {
  error: Error | null;
  isKept: boolean;
  onSendAnyway: (() => void) | undefined;
}

/** Why a message was not sent, with the assurance that it is still there. */
export function ComposerProblem({ error, isKept, onSendAnyway }: ComposerProblemProps) {
  const { t } = useTranslation();
  return (
    <div role="alert" className="mx-2 flex flex-col gap-2 text-sm empty:hidden">
      {onSendAnyway ? (
        <div className="flex flex-wrap items-center justify-between gap-2 rounded-md bg-warn-soft px-3 py-2 text-warn">
          <span className="min-w-0 flex-1">{t("composer.conflict")}</span>
          <Button onClick={onSendAnyway}>{t("composer.sendAnyway")}</Button>
        </div>
      ) : (
        error && <p className="rounded-md bg-bad-soft px-3 py-2 text-bad">{words(error)}</p>
      )}
      {!isKept && <p className="rounded-md bg-warn-soft px-3 py-2 text-warn">{t("composer.notKept")}</p>}
    </div>
  );

  function words(problem: Error): string {
    switch (statusOf(problem)) {
      case null:
        return t("composer.unreachable");
      case 403:
        return t("ticket.forbidden");
      default:
        return t("composer.failed", { reason: problem instanceof ApiError ? problem.message : "" });
    }
  }
}
