import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";

const LOOKS = {
  primary: "bg-accent text-on-accent data-hovered:bg-accent-strong font-medium",
  note: "bg-note text-on-note data-hovered:bg-note-strong font-medium",
  plain: "border border-control bg-surface text-ink data-hovered:bg-hover",
  quiet: "text-ink-soft data-hovered:bg-hover data-hovered:text-ink",
} as const;

const SHAPES = {
  md: "h-8 px-3",
  icon: "size-8 justify-center",
  wide: "h-10 w-full justify-center px-3",
} as const;

export interface ButtonProps extends Omit<AriaButtonProps, "className" | "style"> {
  look?: keyof typeof LOOKS;
  size?: keyof typeof SHAPES;
}

/** A button. `look` says what pressing it means: `primary` speaks to the customer, `note` stays inside the desk. */
export function Button({ look = "plain", size = "md", ...props }: ButtonProps) {
  return (
    <AriaButton
      {...props}
      className={`inline-flex shrink-0 items-center gap-2 rounded-sm text-sm whitespace-nowrap transition-colors disabled:opacity-50 ${SHAPES[size]} ${LOOKS[look]}`}
    />
  );
}
