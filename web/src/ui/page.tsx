import { CloudOff, Lock } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Notice } from "./notice.tsx";

interface PageHeadProps {
  title: string;
  hint: string;
  children?: ReactNode;
}

/** The room of a page that scrolls. */
export function PageMain({ children }: { children: ReactNode }) {
  return (
    <main id="main" tabIndex={-1} className="outline-none min-h-0 min-w-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-300 flex-col gap-4 p-4 lg:p-6">{children}</div>
    </main>
  );
}

/** What somebody sees who may not see the page: so, and whom to ask. */
export function NotAllowed({ isForLeads = false }: { isForLeads?: boolean }) {
  const { t } = useTranslation("page");
  return (
    <main id="main" tabIndex={-1} className="outline-none min-h-0 flex-1">
      <Notice icon={<Lock aria-hidden className="size-6" />} title={t("notAllowed")}>
        {isForLeads ? t("onlyLeads") : t("onlyAdmins")}
      </Notice>
    </main>
  );
}

/** A section's name, what it is about, and what can be done there. */
export function PageHead({ title, hint, children }: PageHeadProps) {
  return (
    <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0 max-w-160 flex-1 basis-64">
        <h2 className="text-lg font-semibold">{title}</h2>
        <p className="pt-1 text-sm text-ink-soft">{hint}</p>
      </div>
      {children}
    </header>
  );
}

interface LoadedProps {
  query: { isError: boolean; refetch: () => unknown };
  children: ReactNode;
  /** Whether there is something to show. */
  has: boolean;
}

/** The content once it is there; until then its outline, or why it is not. */
export function Loaded({ query, has, children }: LoadedProps) {
  const { t } = useTranslation(["page", "desk"]);
  if (has) {
    return children;
  }
  if (query.isError) {
    return (
      <Notice
        isError
        icon={<CloudOff aria-hidden className="size-6" />}
        title={t("loadFailed")}
        onRetry={() => void query.refetch()}
      />
    );
  }
  return (
    <div role="status" aria-label={t("desk:common.loading")} className="flex flex-col gap-3">
      <div className="shimmer h-14" />
      <div className="shimmer h-14" />
      <div className="shimmer h-14 w-3/5" />
    </div>
  );
}
