import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import type { Lifecycle } from "@/lib/api/types.ts";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { SaveBar } from "../save-bar.tsx";
import { SeenBy } from "../seen-by.tsx";
import { NamedList } from "./named-list.tsx";
import { Priorities } from "./priorities.tsx";
import { Reopening } from "./reopening.tsx";
import { Requirements } from "./requirements.tsx";
import { ReviewSheet } from "./review-sheet.tsx";
import { Ways } from "./ways.tsx";

/** How tickets are worked: one document, changed here and saved as a whole. */
export default function Workflow() {
  const { t } = useTranslation("admin");
  const lifecycle = useQuery(lifecycleQuery);
  return (
    <>
      <PageHead title={t("sections.workflow")} hint={t("workflow.hint")} />
      <SeenBy />
      <Loaded query={lifecycle} has={lifecycle.data !== undefined}>
        {lifecycle.data && <Editor key={lifecycle.data.version} saved={lifecycle.data} />}
      </Loaded>
    </>
  );
}

function Editor({ saved }: { saved: Lifecycle }) {
  const [draft, setDraft] = useState(saved);
  const [isReviewed, setReviewed] = useState(false);
  const change = (changes: Partial<Lifecycle>) => setDraft((before) => ({ ...before, ...changes }));
  return (
    <>
      <NamedList part="statuses" entries={draft.statuses} onChange={(statuses) => change({ statuses } as Lifecycle)} />
      <NamedList part="types" entries={draft.types} onChange={(types) => change({ types } as Lifecycle)} />
      <Requirements draft={draft} onChange={change} />
      <Ways draft={draft} onChange={change} />
      <Reopening draft={draft} onChange={change} />
      <Priorities draft={draft} onChange={change} />
      {draft !== saved && <SaveBar onDiscard={() => setDraft(saved)} onSave={() => setReviewed(true)} />}
      {isReviewed && <ReviewSheet saved={saved} draft={draft} onClose={() => setReviewed(false)} />}
    </>
  );
}
