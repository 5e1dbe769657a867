import { ChevronDown, ChevronUp, CornerDownRight, Plus, X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { isLocale, LOCALES, type Locale } from "@/app/i18n.ts";
import type { FieldOption } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { moved } from "../workflow/draft.ts";
import { changedAt, editedAt, keyFrom, NEW_OPTION, type Path } from "./options-tree.ts";

interface OptionsEditorProps {
  options: readonly FieldOption[];
  problem: string | undefined;
  onChange: (options: readonly FieldOption[]) => void;
}

/** What can be chosen, as a tree; named in one language after the other. */
export function OptionsEditor({ options, problem, onChange }: OptionsEditorProps) {
  const { t } = useTranslation("admin");
  const id = useId();
  const [locale, setLocale] = useState<Locale>("en");
  return (
    <fieldset aria-describedby={id} className="flex flex-col gap-2">
      <legend className="pb-1 text-xs text-ink-soft">{t("fields.option.title")}</legend>
      <ChoiceField
        label={t("fields.option.language")}
        value={locale}
        onChange={({ target }) => isLocale(target.value) && setLocale(target.value)}
      >
        {Object.entries(LOCALES).map(([code, { name }]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </ChoiceField>
      <Branch all={options} siblings={options} above={[]} locale={locale} onChange={onChange} />
      <div>
        <Button onClick={() => onChange([...options, NEW_OPTION])}>
          <Plus aria-hidden className="size-4" />
          {t("fields.option.add")}
        </Button>
      </div>
      <div id={id} role="alert" dir="auto" className="text-xs text-bad empty:hidden">
        {problem}
      </div>
    </fieldset>
  );
}

interface BranchProps {
  all: readonly FieldOption[];
  siblings: readonly FieldOption[];
  above: Path;
  locale: Locale;
  onChange: (options: readonly FieldOption[]) => void;
}

function Branch({ siblings, above, ...rest }: BranchProps) {
  if (siblings.length === 0) {
    return null;
  }
  return (
    <ol className={`flex flex-col gap-2 ${above.length > 0 ? "border-s border-line ps-3" : ""}`}>
      {siblings.map((option, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an option has no other name of its own while it is written
        <li key={place} className="flex flex-col gap-2">
          <OptionRow {...rest} option={option} path={[...above, place]} isLast={place === siblings.length - 1} />
          <Branch {...rest} siblings={option.options} above={[...above, place]} />
        </li>
      ))}
    </ol>
  );
}

type OptionRowProps = Omit<BranchProps, "siblings" | "above"> & { option: FieldOption; path: Path; isLast: boolean };

function OptionRow({ all, option, path, isLast, locale, onChange }: OptionRowProps) {
  const { t, i18n } = useTranslation("admin");
  const number = path.map((place) => place + 1).join(".");
  const name = labelOf(option.labels, i18n.language, "") || t("fields.option.unnamed", { number });
  const edit = (edits: Partial<FieldOption>) => onChange(editedAt(all, path, edits));
  const { [locale]: label = "", ...others } = option.labels;
  const buttons = [
    { say: t("common.upOf", { name }), Icon: ChevronUp, isOff: path.at(-1) === 0, run: () => move(-1) },
    { say: t("common.downOf", { name }), Icon: ChevronDown, isOff: isLast, run: () => move(1) },
    {
      say: t("fields.option.addBelow", { name }),
      Icon: CornerDownRight,
      isOff: false,
      run: () => edit({ options: [...option.options, NEW_OPTION] }),
    },
    { say: t("common.removeOf", { name }), Icon: X, isOff: false, run: remove },
  ];
  return (
    <div className="flex flex-wrap items-end gap-1">
      <div className="min-w-0 flex-1 basis-36">
        <Field
          label={t("fields.option.name", { number, language: LOCALES[locale].name })}
          dir="auto"
          lang={locale}
          maxLength={200}
          required={locale === "en"}
          value={label}
          onChange={({ target }) => edit({ labels: target.value ? { ...others, [locale]: target.value } : others })}
          onBlur={() => option.value === "" && edit({ value: keyFrom(option.labels.en ?? label) })}
        />
      </div>
      <div className="w-28">
        <Field
          label={t("fields.option.key", { number })}
          dir="ltr"
          required
          pattern="[a-z0-9][a-z0-9_\-]{0,39}"
          value={option.value}
          onChange={({ target }) => edit({ value: target.value })}
        />
      </div>
      <div className="flex">
        {buttons.map(({ say, Icon, isOff, run }) => (
          <Button key={say} look="quiet" size="icon" disabled={isOff} onClick={run} aria-label={say} title={say}>
            <Icon aria-hidden className="size-4 rtl:-scale-x-100" />
          </Button>
        ))}
      </div>
    </div>
  );

  function move(by: -1 | 1) {
    onChange(changedAt(all, path, (siblings, place) => moved(siblings, place, by)));
  }

  function remove() {
    onChange(changedAt(all, path, (siblings, place) => siblings.filter((_, nth) => nth !== place)));
  }
}
