import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** Leads to the tickets that a search line finds. */
export function TicketsLink({ q, label, children }: { q: string; label: string; children: ReactNode }) {
  return (
    <Link
      to="/inbox/$view"
      params={{ view: "open" }}
      search={{ q }}
      aria-label={label}
      className="rounded-sm underline decoration-line underline-offset-4 hover:decoration-current"
    >
      {children}
    </Link>
  );
}
