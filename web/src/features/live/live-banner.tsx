import { WifiOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { useLive } from "./live-provider.tsx";

/** Says that what is shown may be old, as long as it may be. */
export function LiveBanner() {
  const { t } = useTranslation();
  const { status, retryNow } = useLive();
  return (
    <div role="status">
      {status === "reconnecting" && (
        <div className="flex items-center justify-center gap-3 bg-warn-soft px-4 py-1.5 text-sm text-warn">
          <WifiOff aria-hidden className="size-4" />
          {t("live.reconnecting")}
          <Button look="plain" onClick={retryNow}>
            {t("live.retryNow")}
          </Button>
        </div>
      )}
    </div>
  );
}
