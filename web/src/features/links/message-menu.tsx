import { Ellipsis, Split } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/lib/api/types.ts";
import { Menu, MenuItem } from "@/ui/menu.tsx";

const SplitSheet = lazy(() => import("./split-sheet.tsx"));

/** What can be done with one message of a thread: a customer's is split off into a ticket of its own. */
export function MessageMenu({ message }: { message: Message }) {
  const { t } = useTranslation("links");
  const [isSplit, setSplit] = useState(false);
  if (message.kind !== "customer") {
    return null;
  }
  return (
    <>
      <Menu trigger={<Ellipsis aria-hidden className="size-4" />} label={t("message")}>
        <MenuItem
          label={t("split.title")}
          icon={<Split aria-hidden className="size-4" />}
          onAction={() => setSplit(true)}
        />
      </Menu>
      <Suspense>
        {isSplit && (
          <SplitSheet ticket={{ id: message.ticket_id }} messageId={message.id} onClose={() => setSplit(false)} />
        )}
      </Suspense>
    </>
  );
}
