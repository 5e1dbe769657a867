import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { fieldsQuery } from "@/features/ticket/settings.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { FieldsDocument } from "@/lib/api/types.ts";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { SaveBar } from "../save-bar.tsx";
import { SeenBy } from "../seen-by.tsx";
import { useDocumentDraft } from "../use-document-draft.ts";
import { placesOf, sent } from "./draft.ts";
import { FieldList } from "./field-list.tsx";
import { FormList } from "./form-list.tsx";

/** The organisation's own fields and forms: one document, changed here and saved as a whole. */
export default function Fields() {
  const { t } = useTranslation("admin");
  // Who edits begins with what is there now.
  const settings = useQuery({ ...fieldsQuery, staleTime: 0 });
  return (
    <>
      <PageHead title={t("sections.fields")} hint={t("fields.hint")} />
      <SeenBy />
      <Loaded query={settings} has={settings.data !== undefined}>
        {settings.data && <Editor now={settings.data} />}
      </Loaded>
    </>
  );
}

function Editor({ now }: { now: FieldsDocument }) {
  const { t } = useTranslation("admin");
  const { seen, draft, save, isOvertaken, change, discard } = useDocumentDraft(now, {
    queryKey: fieldsQuery.queryKey,
    put: async (changed, ifMatch): Promise<FieldsDocument> =>
      answer(tickets.PUT("/api/settings/fields", { params: { header: { "if-match": ifMatch } }, body: sent(changed) })),
  });
  const shown = draft ?? seen;
  const places = placesOf(save.error, shown);
  return (
    <>
      <FieldList
        fields={shown.fields}
        saved={seen.fields}
        places={places}
        onChange={(fields) => change({ fields: [...fields] })}
      />
      <FormList
        forms={shown.forms}
        fields={shown.fields}
        places={places}
        onChange={(forms) => change({ forms: [...forms] })}
      />
      {draft && (
        <SaveBar
          onDiscard={discard}
          onSave={() => save.mutate(draft)}
          isPending={save.isPending}
          isOvertaken={isOvertaken}
        >
          {places.length > 0 ? (
            <p role="alert" className="text-sm text-bad">
              {t("fields.problem.placed")}
            </p>
          ) : (
            <ProblemText error={save.error} />
          )}
        </SaveBar>
      )}
    </>
  );
}
