import { Lock, ShieldAlert, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/ui/badge.tsx";
import { Popover } from "@/ui/popover.tsx";
import { type Security, verdictOf } from "./security.ts";

/** That a mail was signed or encrypted, and what that is worth; pressed, it says why. */
export default function SecurityBadge({ security }: { security: Security }) {
  const { t } = useTranslation("mail");
  const { signature, encryption, tone } = verdictOf(security);
  const Shield = tone === "good" ? ShieldCheck : ShieldAlert;
  return (
    <span className="-my-1.5 inline-flex">
      <Popover
        title={t(`security.scheme.${security.scheme}`)}
        trigger={
          <>
            {signature && (
              <Badge tone={tone} icon={<Shield aria-hidden className="size-3" />}>
                {t(`security.signature.${signature}`)}
              </Badge>
            )}
            {encryption && (
              <Badge tone={encryption === "closed" ? "warn" : "neutral"} icon={<Lock aria-hidden className="size-3" />}>
                {t(`security.encryption.${encryption}`)}
              </Badge>
            )}
          </>
        }
      >
        <SecurityDetails security={security} />
      </Popover>
    </span>
  );
}

/** What follows from it, and what does not. */
export function SecurityDetails({ security }: { security: Security }) {
  const { t } = useTranslation("mail");
  const { signature, encryption, isWithheld } = verdictOf(security);
  return (
    <div className="flex flex-col gap-2 text-sm">
      {signature && <p>{t(`security.means.${signature}`)}</p>}
      {encryption && <p>{t(`security.meansOf.${encryption}`)}</p>}
      {encryption === "closed" && security.problem && <p>{t(`security.problem.${security.problem}`)}</p>}
      {isWithheld && <p>{t("security.withheld")}</p>}
      {(security.signer || security.fingerprint) && (
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 text-xs text-ink-soft">
          {security.signer && (
            <>
              <dt>{t("security.signer")}</dt>
              <dd className="break-words">
                <bdi>{security.signer}</bdi>
              </dd>
            </>
          )}
          {security.fingerprint && (
            <>
              <dt>{t("security.fingerprint")}</dt>
              <dd dir="ltr" className="break-all text-start">
                {security.fingerprint}
              </dd>
            </>
          )}
        </dl>
      )}
    </div>
  );
}
