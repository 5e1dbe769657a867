import { useTranslation } from "react-i18next";
import { Switch } from "@/ui/switch.tsx";
import { chime } from "./alert.ts";
import { allowDesktop, hasDesktop, set, useSetting } from "./settings.ts";

/** How one is told: outside the window, and to be heard. Both are off at first. */
export function NotificationSettings() {
  const { t } = useTranslation("notifications");
  const desktop = useSetting("desktop");
  const sound = useSetting("sound");
  const isBlocked = !hasDesktop || Notification.permission === "denied";
  return (
    <>
      <Switch
        label={t("desktop")}
        checked={desktop && !isBlocked}
        disabled={isBlocked}
        onChange={(event) => {
          if (event.target.checked) {
            void allowDesktop();
          } else {
            set("desktop", false);
          }
        }}
      />
      {isBlocked && <p className="text-xs text-ink-soft">{t("blocked")}</p>}
      <Switch
        label={t("sound")}
        checked={sound}
        onChange={(event) => {
          set("sound", event.target.checked);
          // So that one knows what to listen for.
          chime();
        }}
      />
    </>
  );
}
