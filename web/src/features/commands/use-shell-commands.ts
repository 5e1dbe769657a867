import { useNavigate } from "@tanstack/react-router";
import { useEffect, useEffectEvent } from "react";
import { useTranslation } from "react-i18next";
import { chooseLocale, LOCALES, type Locale } from "@/app/i18n.ts";
import { setTheme, THEMES } from "@/features/preferences/theme.ts";
import { useSignOut } from "@/features/session/use-sign-out.ts";
import type { Session } from "@/lib/api/types.ts";
import { type Command, commands } from "./registry.ts";

/** What can be asked for on every page: the ways between them, how they look, and the way out. */
export function useShellCommands(session: Session): void {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { mutate: leave } = useSignOut();
  const { role } = session;

  const offered = useEffectEvent((): Command[] => {
    const isLead = role !== "agent";
    return [
      { id: "inbox", group: "go", key: "g i", run: () => void navigate({ to: "/inbox" }) },
      { id: "newTicket", group: "go", key: "N", run: () => void navigate({ to: "/tickets/new" }) },
      ...(isLead
        ? ([
            { id: "reports", group: "go", key: "g r", run: () => void navigate({ to: "/reports" }) },
            { id: "team", group: "go", key: "g t", run: () => void navigate({ to: "/team" }) },
            { id: "admin", group: "go", key: "g a", run: () => void navigate({ to: "/admin" }) },
          ] satisfies Command[])
        : []),
      ...(role === "admin"
        ? ([{ id: "gallery", group: "go", run: () => void navigate({ to: "/gallery" }) }] satisfies Command[])
        : []),
      ...THEMES.map(
        (theme): Command => ({
          id: `desk:theme-${theme}`,
          group: "desk",
          label: `${t("preferences.theme")}: ${t(`preferences.themes.${theme}`)}`,
          run: () => setTheme(theme),
        }),
      ),
      ...(Object.keys(LOCALES) as Locale[]).map(
        (locale): Command => ({
          id: `desk:language-${locale}`,
          group: "desk",
          label: `${t("preferences.language")}: ${LOCALES[locale].name}`,
          run: () => void chooseLocale(locale),
        }),
      ),
      { id: "signOut", group: "desk", run: () => leave() },
    ];
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is offered depends on these
  useEffect(() => {
    const removers = offered().map((command) => commands.add(command));
    return () => {
      for (const remove of removers) remove();
    };
  }, [role, i18n.language]);
}
