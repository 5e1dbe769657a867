import type { InputHTMLAttributes } from "react";

type SwitchProps = { label: string } & Omit<InputHTMLAttributes<HTMLInputElement>, "className" | "style" | "type">;

/** Something that is on or off, at once. */
export function Switch({ label, ...input }: SwitchProps) {
  return (
    <label className="flex min-h-8 items-center justify-between gap-3 text-sm has-disabled:text-ink-faint">
      {label}
      <input
        {...input}
        type="checkbox"
        // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox says itself whether it is checked
        role="switch"
        className="relative h-6 w-10 shrink-0 appearance-none rounded-full border border-control bg-hover transition-colors before:absolute before:start-0.75 before:top-0.75 before:size-4 before:rounded-full before:bg-ink-soft before:transition-transform checked:border-accent checked:bg-accent checked:before:translate-x-4 checked:before:bg-on-accent disabled:opacity-60 rtl:checked:before:-translate-x-4"
      />
    </label>
  );
}
