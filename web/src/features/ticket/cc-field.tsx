import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { copiesIn } from "./copies.ts";

interface CcFieldProps {
  cc: readonly string[];
  isReadOnly: boolean;
  onChange: (cc: string[]) => void;
  /** Whether something stands there that is no address yet: it would not get its copy. */
  onUnfinished: (isUnfinished: boolean) => void;
}

/** Addresses that get a copy of a reply, with or without names, parted by commas. */
export function CcField({ cc, isReadOnly, onChange, onUnfinished }: CcFieldProps) {
  const { t } = useTranslation("ticket");
  const hint = useId();
  const [typed, setTyped] = useState(() => cc.join(", "));
  const { isFinished } = copiesIn(typed);
  useEffect(() => {
    onUnfinished(!isFinished);
    return () => onUnfinished(false);
  }, [isFinished, onUnfinished]);

  return (
    <div className="border-b border-line px-4 py-1 text-sm">
      <label className="flex items-center gap-2 text-ink-soft">
        {t("composer.cc")}
        <input
          type="text"
          inputMode="email"
          autoComplete="off"
          dir="ltr"
          value={typed}
          readOnly={isReadOnly}
          aria-label={t("composer.ccLabel")}
          aria-invalid={!isFinished}
          aria-describedby={isFinished ? undefined : hint}
          placeholder="name@example.com"
          onChange={(event) => {
            setTyped(event.target.value);
            onChange(copiesIn(event.target.value).cc);
          }}
          className="h-8 min-w-0 flex-1 bg-transparent text-start text-ink outline-none placeholder:text-ink-faint aria-invalid:text-bad rtl:text-end"
        />
      </label>
      {!isFinished && (
        <p id={hint} className="pb-1 text-xs text-bad">
          {t("composer.ccUnfinished")}
        </p>
      )}
    </div>
  );
}
