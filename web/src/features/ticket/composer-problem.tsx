import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import type { DraftKind } from "./drafts.ts";
import { sendProblem } from "./send-problem.ts";

interface ComposerProblemProps {
  error: Error | null;
  isKept: boolean;
  /** The kind of what was refused, if that is not the kind that is shown. */
  refusedKind: DraftKind | null;
  onShow: (kind: DraftKind) => void;
}

/** Why a message was not sent, with the assurance that it is still there. */
export function ComposerProblem({ error, isKept, refusedKind, onShow }: ComposerProblemProps) {
  const { t } = useTranslation(["ticket", "desk"]);
  return (
    <div role="alert" className="mx-2 flex flex-col gap-2 text-sm empty:hidden">
      {error && <p className="rounded-md bg-bad-soft px-3 py-2 text-bad">{sendProblem(t, error)}</p>}
      {refusedKind && (
        <p className="flex flex-wrap items-center gap-2 rounded-md bg-bad-soft px-3 py-2 text-bad">
          <span className="flex-1">{t(`composer.refused.${refusedKind}`)}</span>
          <Button onClick={() => onShow(refusedKind)}>{t("left.open")}</Button>
        </p>
      )}
      {!isKept && <p className="rounded-md bg-warn-soft px-3 py-2 text-warn">{t("composer.notKept")}</p>}
    </div>
  );
}
