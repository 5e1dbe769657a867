import { useIsMutating, useQuery } from "@tanstack/react-query";
import { useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import { CircleAlert } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { fieldsQuery, lifecycleQuery } from "@/features/ticket/settings.ts";
import type { Session } from "@/lib/api/types.ts";
import { Loaded, PageHead, PageMain } from "@/ui/page.tsx";
import { NewTicketForm } from "./new-ticket-form.tsx";
import { templatesQuery } from "./queries.ts";
import { OPENING } from "./use-open-ticket.ts";

/** Where a ticket is opened by hand: somebody called, or said it elsewhere. */
export default function NewTicketPage({ session }: { session: Session }) {
  const { t } = useTranslation(["newTicket", "desk", "panel", "page"]);
  const lifecycle = useQuery(lifecycleQuery);
  const own = useQuery(fieldsQuery);
  const templates = useQuery(templatesQuery);
  const navigate = useNavigate();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const leave = () => (canGoBack ? router.history.back() : void navigate({ to: "/inbox" }));
  // Whoever leaves meanwhile is not shown what they opened.
  const enabled = useIsMutating({ mutationKey: OPENING }) === 0;
  useCommand({
    id: "desk:leaveNewTicket",
    group: "desk",
    key: "Escape",
    label: t("leave"),
    run: leave,
    enabled,
  });
  const title = t("title");
  useEffect(() => {
    document.title = `${title} · Desk`;
  }, [title]);
  return (
    <PageMain>
      <div className="flex w-full max-w-180 flex-col gap-4">
        <PageHead title={title} hint={t("hint")} />
        {templates.isError && (
          <p role="alert" className="flex items-center gap-2 text-sm text-bad">
            <CircleAlert aria-hidden className="size-4 shrink-0" />
            {t("templatesFailed")}
          </p>
        )}
        <Loaded
          query={lifecycle.isError ? lifecycle : own}
          has={lifecycle.data !== undefined && own.data !== undefined && !templates.isPending}
        >
          {lifecycle.data && own.data && (
            <NewTicketForm
              session={session}
              lifecycle={lifecycle.data}
              own={own.data}
              templates={templates.data ?? []}
              onLeave={leave}
            />
          )}
        </Loaded>
      </div>
    </PageMain>
  );
}
