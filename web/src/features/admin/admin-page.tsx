import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Session } from "@/lib/api/types.ts";
import { NotAllowed } from "@/ui/page.tsx";
import { AdminFrame } from "./admin-frame.tsx";
import { maySee, SECTIONS, type Section } from "./sections.ts";

const PAGES: Record<Section, ComponentType> = {
  accounts: lazy(() => import("./accounts/accounts.tsx")),
  groups: lazy(() => import("./accounts/groups.tsx")),
  keys: lazy(() => import("./keys/keys.tsx")),
  workflow: lazy(() => import("./workflow/workflow.tsx")),
  fields: lazy(() => import("./fields/fields.tsx")),
  macros: lazy(() => import("./macros/macros.tsx")),
  templates: lazy(() => import("./templates/templates.tsx")),
  levels: lazy(() => import("./levels/levels.tsx")),
};

/** One page of the administration, for whom it is. */
export default function AdminPage({ session, section }: { session: Session; section: Section }) {
  const { t } = useTranslation("admin");
  useEffect(() => {
    document.title = `${t(`sections.${section}`)} · Desk`;
  }, [t, section]);
  if (!maySee(session.role, section)) {
    return <NotAllowed isForLeads={SECTIONS[section] === "supervisor"} />;
  }
  const Page = PAGES[section];
  return (
    <AdminFrame role={session.role}>
      <Suspense fallback={<div className="shimmer h-14" />}>
        <Page />
      </Suspense>
    </AdminFrame>
  );
}
