import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { SECTIONS as MAIL } from "@/features/mail/sections.ts";
import type { Role } from "@/lib/api/types.ts";
import { PageMain } from "@/ui/page.tsx";
import { maySee, type Section } from "./sections.ts";

const HEADINGS = {
  people: ["accounts", "groups", "keys"],
  tickets: ["workflow", "fields", "macros", "templates", "levels"],
} as const satisfies Record<string, readonly Section[]>;

const ITEM =
  "flex h-8 shrink-0 items-center rounded-sm px-2 text-sm text-ink-soft transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-selected aria-[current=page]:font-medium aria-[current=page]:text-ink";

/** What stands around every page of the administration: the way to the others. */
export function AdminFrame({ role, children }: { role: Role; children: ReactNode }) {
  const { t } = useTranslation(["admin", "mail"]);
  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <nav
        aria-label={t("title")}
        className="flex gap-1 overflow-x-auto border-b border-line p-2 lg:w-52 lg:shrink-0 lg:flex-col lg:gap-4 lg:overflow-y-auto lg:border-e lg:border-b-0 lg:p-3"
      >
        {(["people", "tickets"] as const).map((heading) => (
          <Part key={heading} heading={t(`heading.${heading}`)}>
            {HEADINGS[heading]
              .filter((section) => maySee(role, section))
              .map((section) => (
                <Link key={section} to="/admin/$section" params={{ section }} className={ITEM}>
                  {t(`sections.${section}`)}
                </Link>
              ))}
          </Part>
        ))}
        {role === "admin" && (
          <Part heading={t("mail:title")}>
            {MAIL.map((section) => (
              <Link key={section} to="/admin/mail/$section" params={{ section }} className={ITEM}>
                {t(`mail:sections.${section}`)}
              </Link>
            ))}
          </Part>
        )}
      </nav>
      <PageMain>{children}</PageMain>
    </div>
  );
}

/** Links under a heading; on narrow screens, where all stand in a line, without it. */
function Part({ heading, children }: { heading: string; children: readonly ReactNode[] }) {
  if (children.length === 0) {
    return null;
  }
  return (
    <div className="flex shrink-0 gap-1 lg:flex-col">
      <h2 className="hidden px-2 pb-1 text-xs text-ink-faint lg:block">{heading}</h2>
      {children}
    </div>
  );
}
