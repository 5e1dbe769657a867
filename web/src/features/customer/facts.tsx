import { useTranslation } from "react-i18next";
import { PanelSection } from "@/features/ticket/property.tsx";
import type { CustomerOverview } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";

/** What other systems know of the customer, each as of when it was so. */
export function Facts({ facts }: { facts: CustomerOverview["facts"] }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  if (facts.length === 0) {
    return null;
  }
  return (
    <PanelSection title={t("panel:customer.facts")}>
      {facts.map(({ source, as_of, data }) => (
        <section key={source} aria-label={source} className="flex flex-col gap-1">
          <h4 className="flex items-baseline justify-between gap-2 text-sm font-medium">
            <bdi>{source}</bdi>
            <time dateTime={as_of} className="text-xs font-normal text-ink-faint">
              {t("panel:customer.asOf", { when: formatExact(as_of, i18n.language) })}
            </time>
          </h4>
          <dl className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-2 gap-y-0.5 text-sm">
            {Object.entries(data).map(([name, value]) => (
              <div key={name} className="contents">
                <dt className="truncate text-xs leading-5 text-ink-soft">
                  <bdi>{name}</bdi>
                </dt>
                <dd dir="auto" className="page-start break-words">
                  {shown(value)}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </PanelSection>
  );
}

function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "–");
}
