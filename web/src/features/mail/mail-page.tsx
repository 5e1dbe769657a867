import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { AdminFrame } from "@/features/admin/admin-frame.tsx";
import type { Session } from "@/lib/api/types.ts";
import { NotAllowed } from "@/ui/page.tsx";
import { Mailboxes } from "./mailboxes.tsx";
import { Quarantine } from "./quarantine.tsx";
import { Reconciliation } from "./reconciliation.tsx";
import type { MailSearch, Section } from "./sections.ts";
import { Suppressions } from "./suppressions.tsx";

interface MailPageProps {
  session: Session;
  section: Section;
  search: MailSearch;
}

/** How mail comes and goes: for administrators. */
export default function MailPage({ session, section, search }: MailPageProps) {
  const { t } = useTranslation("mail");
  useEffect(() => {
    document.title = `${t(`sections.${section}`)} · Desk`;
  }, [t, section]);

  if (session.role !== "admin") {
    return <NotAllowed />;
  }
  return (
    <AdminFrame role={session.role}>
      {section === "mailboxes" && <Mailboxes />}
      {section === "reconciliation" && <Reconciliation search={search} />}
      {section === "quarantine" && <Quarantine search={search} />}
      {section === "suppressions" && <Suppressions />}
    </AdminFrame>
  );
}
