import { useTranslation } from "react-i18next";
import { sendProblem } from "./send-problem.ts";

interface ComposerProblemProps {
  error: Error | null;
  isKept: boolean;
}

/** Why a message was not sent, with the assurance that it is still there. */
export function ComposerProblem({ error, isKept }: ComposerProblemProps) {
  const { t } = useTranslation(["ticket", "desk"]);
  return (
    <div role="alert" className="mx-2 flex flex-col gap-2 text-sm empty:hidden">
      {error && <p className="rounded-md bg-bad-soft px-3 py-2 text-bad">{sendProblem(t, error)}</p>}
      {!isKept && <p className="rounded-md bg-warn-soft px-3 py-2 text-warn">{t("composer.notKept")}</p>}
    </div>
  );
}
