import type { ReactNode } from "react";

const TONES = {
  neutral: "bg-hover text-ink-soft",
  accent: "bg-accent-soft text-accent-strong",
  note: "bg-note-soft text-note",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
} as const;

export type Tone = keyof typeof TONES;

interface BadgeProps {
  tone?: Tone;
  icon?: ReactNode;
  title?: string;
  children: ReactNode;
}

/** A short fact. The words carry it; the tone only helps the eye. */
export function Badge({ tone = "neutral", icon, title, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={`inline-flex h-5 shrink-0 items-center gap-1 rounded-sm px-1.5 text-xs whitespace-nowrap tabular-nums ${TONES[tone]}`}
    >
      {icon}
      {children}
    </span>
  );
}
