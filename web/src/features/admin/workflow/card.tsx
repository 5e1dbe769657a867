import type { ReactNode } from "react";

interface CardProps {
  title: string;
  hint?: string;
  /** What can be done, beside the title. */
  action?: ReactNode;
  children: ReactNode;
}

/** A part of a page of settings. */
export function Card({ title, hint, action, children }: CardProps) {
  return (
    <article aria-label={title} className="flex flex-col gap-3 rounded-md border border-line bg-surface p-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <h3 className="font-medium">{title}</h3>
          {hint && <p className="pt-0.5 text-sm text-ink-soft">{hint}</p>}
        </div>
        {action}
      </div>
      {children}
    </article>
  );
}
