import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** What stands at an address that leads nowhere, and the way back. */
export default function NotFoundPage() {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${t("app.notFound")} · Desk`;
  }, [t]);
  return (
    <main className="grid h-full place-content-center gap-3 p-8 text-center">
      <h1 className="font-medium">{t("app.notFound")}</h1>
      <Link to="/" className="min-h-6 text-sm text-accent underline">
        {t("nav.inbox")}
      </Link>
    </main>
  );
}
