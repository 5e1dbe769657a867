import type { ButtonHTMLAttributes } from "react";

const LOOKS = {
  primary: "bg-accent text-on-accent hover:not-disabled:bg-accent-strong font-medium",
  note: "bg-note text-on-note hover:not-disabled:bg-note-strong font-medium",
  plain: "border border-control bg-surface text-ink hover:not-disabled:bg-hover",
  danger: "border border-control bg-surface text-bad hover:not-disabled:bg-bad-soft",
  quiet: "text-ink-soft hover:not-disabled:bg-hover hover:not-disabled:text-ink",
} as const;

const SHAPES = {
  md: "h-8 px-3",
  icon: "size-8 justify-center",
  wide: "h-10 w-full justify-center px-3",
} as const;

interface ButtonStyle {
  look?: keyof typeof LOOKS;
  size?: keyof typeof SHAPES;
}

/** The classes of a button, for what must be one of React Aria's. */
export function buttonClass({ look = "plain", size = "md" }: ButtonStyle = {}): string {
  return `inline-flex shrink-0 items-center gap-2 rounded-sm text-sm whitespace-nowrap transition-colors disabled:opacity-60 ${SHAPES[size]} ${LOOKS[look]}`;
}

export type ButtonProps = ButtonStyle & Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className" | "style">;

/** A button. `look` says what pressing it means: `primary` speaks to the customer, `note` stays inside the desk. */
export function Button({ look, size, type = "button", ...props }: ButtonProps) {
  return <button {...props} type={type} className={buttonClass({ ...(look && { look }), ...(size && { size }) })} />;
}
