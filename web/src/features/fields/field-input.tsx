import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ChipsField } from "@/features/ticket/chips-field.tsx";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { Select } from "@/ui/select.tsx";
import { readNumber, writtenNumber } from "./numbers.ts";
import { flatOptions } from "./options.ts";

export type FieldValue = string | number | boolean | string[] | { amount: string; currency: string } | null;

interface FieldInputProps {
  field: FieldDefinition;
  label: string;
  value: FieldValue;
  /** Called when a value is complete: chosen, or written and left. Tells, where it is known, whether it was accepted. */
  onChange: (value: FieldValue) => Promise<boolean> | undefined;
  /** What is wrong with it, in words. */
  problem?: string | undefined;
  isRequired: boolean;
  isDisabled?: boolean;
}

const BOX =
  "h-8 w-full min-w-0 rounded-sm border border-control bg-surface px-2 text-sm text-ink aria-invalid:border-bad disabled:opacity-60";
const NOTHING = " ";

/** A field of the organisation's own, as its kind is written. What is wrong stands below it. */
export function FieldInput(props: FieldInputProps) {
  const id = useId();
  return (
    <>
      <Control {...props} problemId={id} />
      <div id={id} role="alert" className="pt-1 text-xs text-bad empty:hidden">
        {props.problem}
      </div>
    </>
  );
}

type ControlProps = FieldInputProps & { problemId: string };

function Control(props: ControlProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const { field, label, value, onChange, isDisabled = false, problem } = props;
  const none = { id: NOTHING, label: t("panel:none") };
  switch (field.kind) {
    case "choice":
      return (
        <Select
          look="quiet"
          label={label}
          value={typeof value === "string" ? value : NOTHING}
          choices={[none, ...flatOptions(field.options ?? [], i18n.language)]}
          onChange={(choice) => onChange(choice === NOTHING ? null : choice)}
          isDisabled={isDisabled}
        />
      );
    case "flag":
      return (
        <Select
          look="quiet"
          label={label}
          value={value === true ? "yes" : value === false ? "no" : NOTHING}
          choices={[none, { id: "yes", label: t("panel:yes") }, { id: "no", label: t("panel:no") }]}
          onChange={(choice) => onChange(choice === NOTHING ? null : choice === "yes")}
          isDisabled={isDisabled}
        />
      );
    case "choices": {
      const options = flatOptions(field.options ?? [], i18n.language);
      const chosen = Array.isArray(value) ? value : [];
      return (
        <ChipsField
          label={label}
          addLabel={t("panel:own.addChoice")}
          chips={chosen.map((id) => options.find((option) => option.id === id) ?? { id, label: id })}
          suggestions={options}
          onChange={(ids) => onChange(ids.length === 0 ? null : ids)}
          isDisabled={isDisabled}
          isInvalid={problem !== undefined}
        />
      );
    }
    case "money":
      return <MoneyInput {...props} />;
    case "number":
      return (
        <Written
          {...props}
          text={typeof value === "number" ? writtenNumber(value, i18n.language) : ""}
          inputMode="decimal"
          read={(text) => {
            const read = readNumber(text, i18n.language);
            return read === null ? text : Number(read);
          }}
        />
      );
    case "date":
      return <Written {...props} text={typeof value === "string" ? value : ""} type="date" read={(text) => text} />;
    default:
      return <Written {...props} text={typeof value === "string" ? value : ""} read={(text) => text} />;
  }
}

interface WrittenProps extends ControlProps {
  text: string;
  type?: "text" | "date";
  inputMode?: "decimal";
  read: (text: string) => FieldValue;
}

/**
 * A value that is written: sent when the field is left or Enter is pressed, and put back by Escape.
 *
 * What was written stands there until it is accepted; what was refused stays, beside why.
 */
function Written({ field, label, text, type = "text", inputMode, read, ...props }: WrittenProps) {
  const { onChange, problem, problemId, isRequired, isDisabled } = props;
  const [written, setWritten] = useState<string | null>(null);
  const sent = useRef<string | null>(null);
  const commit = async () => {
    if (written === null || written === sent.current) {
      return;
    }
    sent.current = written;
    const isAccepted = written === text || (await onChange(written.trim() === "" ? null : read(written.trim())));
    if (sent.current === written) {
      sent.current = null;
    }
    if (isAccepted !== false) {
      setWritten((now) => (now === written ? null : now));
    }
  };
  useEffect(() => {
    // Refused, and accepted in another way.
    if (sent.current === null) {
      setWritten((now) => (now === text ? null : now));
    }
  }, [text]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      void commit();
    } else if (event.key === "Escape" && written !== null) {
      event.stopPropagation();
      setWritten(null);
    }
  };
  return (
    <input
      type={type}
      dir={type === "date" ? undefined : "auto"}
      inputMode={inputMode}
      aria-label={label}
      aria-required={isRequired}
      aria-invalid={problem !== undefined}
      aria-describedby={problemId}
      maxLength={field.max_length}
      disabled={isDisabled}
      value={written ?? text}
      onChange={(event) => setWritten(event.target.value)}
      onBlur={() => void commit()}
      onKeyDown={onKeyDown}
      className={BOX}
    />
  );
}

/** An amount and its currency; both are kept together once there are both. */
function MoneyInput({ field, label, value, onChange, ...props }: ControlProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const kept = typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  const currencies = field.currencies ?? [];
  const [currency, setCurrency] = useState(kept?.currency ?? currencies[0] ?? "");
  const now = kept?.currency ?? currency;
  const choose = (code: string) => {
    setCurrency(code);
    if (kept !== null && code !== kept.currency) {
      void onChange({ amount: kept.amount, currency: code });
    }
  };
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_5rem] gap-1">
      <Written
        {...props}
        field={field}
        value={value}
        onChange={(amount) => onChange(typeof amount === "string" ? { amount, currency: now } : null)}
        label={`${label}: ${t("panel:own.amount")}`}
        text={kept ? writtenNumber(kept.amount, i18n.language) : ""}
        inputMode="decimal"
        read={(text) => readNumber(text, i18n.language) ?? text}
      />
      {currencies.length > 0 ? (
        <Select
          label={`${label}: ${t("panel:own.currency")}`}
          value={now}
          choices={currencies.map((id) => ({ id, label: id }))}
          onChange={choose}
          isDisabled={props.isDisabled ?? false}
        />
      ) : (
        <input
          dir="ltr"
          aria-label={`${label}: ${t("panel:own.currency")}`}
          maxLength={3}
          disabled={props.isDisabled}
          defaultValue={now}
          onBlur={(event) => choose(event.target.value.trim().toUpperCase())}
          className={BOX}
        />
      )}
    </div>
  );
}
