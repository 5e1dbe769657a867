import { useState } from "react";
import { useTranslation } from "react-i18next";
import { LOCALES } from "@/app/i18n.ts";
import type { Macro } from "@/lib/api/types.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { MacroActions } from "./macro-actions.tsx";
import { macroFrom } from "./macro-body.ts";
import { useSaveMacro } from "./queries.ts";

/** A macro to make or to change. */
export function MacroSheet({ macro, onClose }: { macro: Macro | null; onClose: () => void }) {
  const { t } = useTranslation("admin");
  // What the writer has seen: a version that comes in meanwhile must not be written over.
  const [seen] = useState(macro);
  const [visibility, setVisibility] = useState(seen?.visibility ?? "everyone");
  const save = useSaveMacro(seen, onClose);
  return (
    <FormSheet
      title={seen?.name ?? t("macros.add")}
      onClose={onClose}
      onSubmit={(form) => save.mutate(macroFrom(form, seen))}
      error={save.error}
      isPending={save.isPending}
    >
      <div className="grid gap-4 md:grid-cols-2">
        <Field label={t("common.name")} name="name" dir="auto" required maxLength={200} defaultValue={seen?.name} />
        <Field
          label={t("macros.shortcut")}
          name="shortcut"
          dir="ltr"
          pattern="[a-z0-9][a-z0-9_\-]{0,39}"
          defaultValue={seen?.shortcut ?? ""}
        />
      </div>
      <Field
        label={t("common.description")}
        name="description"
        dir="auto"
        maxLength={2000}
        defaultValue={seen?.description}
      />
      <div className="grid gap-4 md:grid-cols-2">
        <ChoiceField
          label={t("macros.visibility")}
          name="visibility"
          value={visibility}
          onChange={(event) => setVisibility(event.target.value as typeof visibility)}
        >
          {(["everyone", "groups", "personal"] as const).map((each) => (
            <option key={each} value={each}>
              {t(`macros.visibilities.${each}`)}
            </option>
          ))}
        </ChoiceField>
        {visibility === "groups" && (
          <Field
            label={t("common.groups")}
            hint={t("common.commas")}
            name="groups"
            dir="auto"
            required
            defaultValue={seen?.groups?.join(", ")}
          />
        )}
      </div>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" name="active" defaultChecked={seen?.active ?? true} className="size-4 accent-accent" />
        {t("common.active")}
      </label>
      <MacroActions macro={seen} />
      <Texts macro={seen} />
    </FormSheet>
  );
}

/** What it says, in as many languages as somebody writes. */
function Texts({ macro }: { macro: Macro | null }) {
  const { t } = useTranslation("admin");
  const [language, setLanguage] = useState(macro?.default_language ?? "en");
  return (
    <fieldset className="flex flex-col gap-4 rounded-md border border-line p-4">
      <legend className="px-1 text-sm font-medium">{t("macros.says")}</legend>
      <ChoiceField label={t("macros.writes.reply")} name="writes" defaultValue={macro?.writes ?? "reply"}>
        <option value="reply">{t("macros.writes.reply")}</option>
        <option value="note">{t("macros.writes.note")}</option>
      </ChoiceField>
      {Object.entries(LOCALES).map(([locale, { name }]) => {
        const text = macro?.texts?.[locale];
        return (
          <details key={locale} open={locale === "en" || text !== undefined}>
            <summary className="cursor-pointer text-sm text-ink-soft">{name}</summary>
            <label className="flex flex-col gap-1 pt-2 text-xs text-ink-soft">
              {t("macros.textIn", { language: name })}
              <textarea
                name={`text.${locale}`}
                dir="auto"
                lang={locale}
                rows={4}
                maxLength={20_000}
                defaultValue={text?.html ?? text?.text ?? ""}
                className="rounded-sm border border-control bg-surface px-2 py-1 text-sm text-ink"
              />
            </label>
          </details>
        );
      })}
      <p className="text-xs text-ink-faint">{t("macros.textHint", { example: "{{ customer.first_name }}" })}</p>
      <ChoiceField
        label={t("macros.defaultLanguage")}
        name="default_language"
        value={language}
        onChange={(event) => setLanguage(event.target.value)}
      >
        {Object.entries(LOCALES).map(([locale, { name }]) => (
          <option key={locale} value={locale}>
            {name}
          </option>
        ))}
      </ChoiceField>
    </fieldset>
  );
}
