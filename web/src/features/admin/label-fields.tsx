import { useTranslation } from "react-i18next";
import { LOCALES } from "@/app/i18n.ts";
import { Field } from "@/ui/field.tsx";

type Labels = Readonly<Record<string, string>>;

/** What something is called, in each language of the desk; one has to be filled in. */
export function LabelFields({ labels }: { labels: Labels }) {
  const { t } = useTranslation("admin");
  return (
    <div className="grid gap-3 md:grid-cols-2">
      {Object.entries(LOCALES).map(([locale, { name }]) => (
        <Field
          key={locale}
          label={t("common.nameIn", { language: name })}
          name={`label.${locale}`}
          dir="auto"
          lang={locale}
          maxLength={200}
          required={locale === "en"}
          defaultValue={labels[locale]}
        />
      ))}
    </div>
  );
}

/** What the form says they are; languages it does not show keep theirs. */
export function labelsFrom(form: FormData, before: Labels): Record<string, string> {
  const others = Object.entries(before).filter(([locale]) => !(locale in LOCALES));
  const written = Object.keys(LOCALES).map((locale) => [locale, String(form.get(`label.${locale}`) ?? "").trim()]);
  return Object.fromEntries([...others, ...written].filter(([, label]) => label));
}
