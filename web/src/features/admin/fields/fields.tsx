import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { fieldsQuery } from "@/features/ticket/settings.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { FieldsDocument } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { SaveBar } from "../save-bar.tsx";
import { SeenBy } from "../seen-by.tsx";
import { type Draft, draftOf, placesOf, sent } from "./draft.ts";
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
  const queryClient = useQueryClient();
  // What the writer has seen: a version that comes in meanwhile must not be written over, nor take away what they did.
  const [seen, setSeen] = useState(now);
  const [draft, setDraft] = useState<Draft | null>(null);
  const save = useMutation({
    mutationFn: async (changed: Draft): Promise<FieldsDocument> =>
      answer(
        tickets.PUT("/api/settings/fields", {
          params: { header: { "if-match": `"${seen.version}"` } },
          body: sent(changed),
        }),
      ),
    onSuccess: (kept) => {
      setSeen(kept);
      setDraft(null);
      queryClient.setQueryData(fieldsQuery.queryKey, kept);
    },
    onError: (error) => statusOf(error) === 412 && queryClient.invalidateQueries({ queryKey: fieldsQuery.queryKey }),
  });
  if (draft === null && !save.isPending && now.version > seen.version) {
    setSeen(now);
  }
  const isOvertaken = draft !== null && (now.version > seen.version || statusOf(save.error) === 412);
  const shown = draft ?? draftOf(seen);
  const places = placesOf(save.error, shown);
  const change = (changes: Partial<Draft>) => {
    setDraft({ ...shown, ...changes });
    save.reset();
  };
  const discard = () => {
    setDraft(null);
    save.reset();
  };
  return (
    <>
      <FieldList fields={shown.fields} saved={seen.fields} places={places} onChange={(fields) => change({ fields })} />
      <FormList forms={shown.forms} fields={shown.fields} places={places} onChange={(forms) => change({ forms })} />
      {draft && (
        <SaveBar onDiscard={discard} onSave={() => save.mutate(draft)} isPending={save.isPending || isOvertaken}>
          {isOvertaken ? (
            <div role="alert" className="flex flex-col items-start gap-2 text-sm text-bad">
              {t("fields.problem.overtaken")}
              <Button onClick={discard}>{t("fields.problem.showTheirs")}</Button>
            </div>
          ) : places.length > 0 ? (
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
