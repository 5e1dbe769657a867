import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Lifecycle } from "@/lib/api/types.ts";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { SaveBar } from "../save-bar.tsx";
import { SeenBy } from "../seen-by.tsx";
import { useDocumentDraft } from "../use-document-draft.ts";
import { sent } from "./draft.ts";
import { NamedList } from "./named-list.tsx";
import { Priorities } from "./priorities.tsx";
import { Reopening } from "./reopening.tsx";
import { Requirements } from "./requirements.tsx";
import { ReviewSheet } from "./review-sheet.tsx";
import { Ways } from "./ways.tsx";

/** How tickets are worked: one document, changed here and saved as a whole. */
export default function Workflow() {
  const { t } = useTranslation("admin");
  // Who edits begins with what is there now.
  const lifecycle = useQuery({ ...lifecycleQuery, staleTime: 0 });
  return (
    <>
      <PageHead title={t("sections.workflow")} hint={t("workflow.hint")} />
      <SeenBy />
      <Loaded query={lifecycle} has={lifecycle.data !== undefined}>
        {lifecycle.data && <Editor now={lifecycle.data} />}
      </Loaded>
    </>
  );
}

function Editor({ now }: { now: Lifecycle }) {
  const { seen, draft, save, isOvertaken, change, discard } = useDocumentDraft(now, {
    queryKey: lifecycleQuery.queryKey,
    put: async (changed, ifMatch): Promise<Lifecycle> =>
      answer(
        tickets.PUT("/api/settings/tickets", { params: { header: { "if-match": ifMatch } }, body: sent(changed) }),
      ),
  });
  const [isReviewed, setReviewed] = useState(false);
  const shown = draft ?? seen;
  const endReview = () => {
    setReviewed(false);
    if (!save.isPending) {
      save.reset(); // what is under way goes on, and its end is told
    }
  };
  const startAnew = () => {
    setReviewed(false);
    discard();
  };
  return (
    <>
      <NamedList part="statuses" entries={shown.statuses} onChange={(statuses) => change({ statuses } as Lifecycle)} />
      <NamedList part="types" entries={shown.types} onChange={(types) => change({ types } as Lifecycle)} />
      <Requirements draft={shown} onChange={change} />
      <Ways draft={shown} onChange={change} />
      <Reopening draft={shown} onChange={change} />
      <Priorities draft={shown} onChange={change} />
      {draft && <SaveBar onDiscard={startAnew} onSave={() => setReviewed(true)} isOvertaken={isOvertaken} />}
      {draft && isReviewed && !isOvertaken && (
        <ReviewSheet
          saved={seen}
          draft={draft}
          error={save.error}
          isPending={save.isPending}
          onSave={() => save.mutate(draft, { onSuccess: endReview })}
          onClose={endReview}
        />
      )}
    </>
  );
}
