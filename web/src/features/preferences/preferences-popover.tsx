import { LogOut } from "lucide-react";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { chooseLocale, LOCALES, type Locale } from "@/app/i18n.ts";
import { commands } from "@/features/commands/registry.ts";
import { NotificationSettings } from "@/features/notifications/notification-settings.tsx";
import { useSignOut } from "@/features/session/use-sign-out.ts";
import type { Session } from "@/lib/api/types.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { Button } from "@/ui/button.tsx";
import { Popover } from "@/ui/popover.tsx";
import { Select } from "@/ui/select.tsx";
import { Switch } from "@/ui/switch.tsx";
import { setTheme, THEMES, type Theme, useTheme } from "./theme.ts";

/** Who is signed in, how the desk looks to them, and the way out. */
export default function PreferencesPopover({ session }: { session: Session }) {
  const { t, i18n } = useTranslation(["desk", "commands"]);
  const theme = useTheme();
  const leave = useSignOut();
  const singleKeys = useSyncExternalStore(commands.subscribe, commands.singleKeys);

  const trigger = (
    <>
      <Avatar name={session.name} tone="accent" />
      <span className="sr-only">{t("preferences.title")}: </span>
      <bdi className="max-md:sr-only">{session.name}</bdi>
    </>
  );
  return (
    <Popover trigger={trigger} title={t("preferences.title")} width="w-72">
      <p className="text-sm text-ink-soft" dir="ltr">
        {session.email}
      </p>
      <Select<Locale>
        showLabel
        label={t("preferences.language")}
        value={i18n.language as Locale}
        choices={(Object.keys(LOCALES) as Locale[]).map((id) => ({ id, label: LOCALES[id].name }))}
        onChange={(locale) => void chooseLocale(locale)}
      />
      <Select<Theme>
        showLabel
        label={t("preferences.theme")}
        value={theme}
        choices={THEMES.map((id) => ({ id, label: t(`preferences.themes.${id}`) }))}
        onChange={setTheme}
      />
      <div className="flex flex-col gap-1 border-y border-line py-2">
        <NotificationSettings />
        <Switch
          label={t("commands:help.singleKeys")}
          checked={singleKeys}
          onChange={(event) => commands.setSingleKeys(event.target.checked)}
        />
      </div>
      {leave.isError && (
        <p role="alert" className="text-sm text-bad">
          {t("preferences.signOutFailed")}
        </p>
      )}
      <div>
        <Button onClick={() => leave.mutate()} disabled={leave.isPending}>
          <LogOut aria-hidden className="size-4 rtl:-scale-x-100" />
          {t("preferences.signOut")}
        </Button>
      </div>
    </Popover>
  );
}
