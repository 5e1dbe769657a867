/** RFC 9457 problem details, with the members this desk adds. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  /** Of `bad-search`: the character where the line goes wrong, from 0. */
  position?: number;
  /** Of `validation`: where in what was sent, and what is wrong there. */
  errors?: { loc: (string | number)[]; msg: string }[];
  /** Where in what was sent, as a JSON Pointer (RFC 6901), where one place alone is wrong. */
  pointer?: string;
  /** Of `fields-fixed`, `status-in-use` and `type-in-use`: what cannot go. */
  keys?: string[];
}

/** An answer of the server other than success; `retryAfterSeconds` where it said when to come back. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, problem: Problem, retryAfterSeconds: number | null = null) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Seconds from a `Retry-After` header, which is a number of seconds or a date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === "") {
    return null;
  }
  const seconds = Number(header);
  if (Number.isFinite(seconds)) {
    return Math.max(0, Math.ceil(seconds));
  }
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

export function statusOf(error: unknown): number | null {
  return error instanceof ApiError ? error.status : null;
}

/** Which problem it is: the last part of its type, such as `stale-thread`. */
export function slugOf(error: unknown): string | null {
  return error instanceof ApiError ? (error.problem.type?.split("/").at(-1) ?? null) : null;
}
