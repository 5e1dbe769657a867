import { ApiError, slugOf } from "@/lib/api/problem.ts";

interface Missed {
  id: string;
  author: { kind: "agent" | "customer" | "system"; name: string };
  text: string;
}

/** What came into a thread since the writer of a reply had read it, as the refusal tells. */
export interface Conflict {
  version: number;
  messages: (Missed & { kind: "customer" | "reply" | "note" | "system"; added_at: string })[];
  /** Replies of others that are about to leave. */
  leaving: (Missed & { release_at: string })[];
}

/** The conflict that an error is; null if it is none. */
export function conflictOf(error: unknown): Conflict | null {
  if (!(error instanceof ApiError) || slugOf(error) !== "stale-thread") {
    return null;
  }
  const {
    thread_version: version,
    messages = [],
    leaving = [],
  } = error.problem as Partial<Conflict> & {
    thread_version?: number;
  };
  return version === undefined ? null : { version, messages, leaving };
}
