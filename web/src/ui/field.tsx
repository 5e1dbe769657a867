import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes } from "react";

const BOX =
  "h-8 w-full min-w-0 rounded-sm border border-control bg-surface px-2 text-sm text-ink aria-invalid:border-bad disabled:opacity-60";

interface Labelled {
  label: string;
  /** What helps to fill it in. */
  hint?: string;
  /** What is wrong with it. */
  problem?: string | undefined;
}

type FieldProps = Labelled & Omit<InputHTMLAttributes<HTMLInputElement>, "className" | "style">;

/** A line of text in a form. */
export function Field({ label, hint, problem, ...input }: FieldProps) {
  return (
    <label className="flex min-w-0 flex-col gap-1 text-xs text-ink-soft">
      {label}
      <input {...input} aria-invalid={problem !== undefined} className={BOX} />
      <Beside hint={hint} problem={problem} />
    </label>
  );
}

type ChoiceFieldProps = Labelled &
  Omit<SelectHTMLAttributes<HTMLSelectElement>, "className" | "style"> & { children: ReactNode };

/** One of a handful of values in a form, sent with it. */
export function ChoiceField({ label, hint, problem, ...select }: ChoiceFieldProps) {
  return (
    <label className="flex min-w-0 flex-col gap-1 text-xs text-ink-soft">
      {label}
      <select {...select} aria-invalid={problem !== undefined} className={BOX} />
      <Beside hint={hint} problem={problem} />
    </label>
  );
}

function Beside({ hint, problem }: { hint: string | undefined; problem: string | undefined }) {
  return (
    <>
      {hint && <span className="text-ink-faint">{hint}</span>}
      {problem && (
        <span dir="auto" className="text-bad">
          {problem}
        </span>
      )}
    </>
  );
}
