import type { ReactNode } from "react";

interface PropertyProps {
  label: string;
  /** By which a key finds it. */
  name?: string;
  children: ReactNode;
}

/** One line of a column of properties: what it is, and its value. */
export function Property({ label, name, children }: PropertyProps) {
  return (
    <div data-property={name} className="grid grid-cols-[6.5rem_minmax(0,1fr)] items-baseline gap-2">
      <span className="text-xs text-ink-soft">{label}</span>
      <div className="min-w-0">{children}</div>
    </div>
  );
}

interface PanelSectionProps {
  title: string;
  action?: ReactNode;
  children: ReactNode;
}

/** A part of the panel under its heading. */
export function PanelSection({ title, action, children }: PanelSectionProps) {
  return (
    <section aria-label={title} className="flex flex-col gap-2 border-b border-line px-4 py-4 last:border-b-0">
      <div className="flex min-h-6 items-center justify-between gap-2">
        <h3 className="text-xs font-semibold text-ink-soft">{title}</h3>
        {action}
      </div>
      {children}
    </section>
  );
}
