import type { Condition } from "@/lib/conditions.ts";
import { FIELDS, type Kind, tokens } from "./tokens.ts";

const SIGNS = { ">": "gt", ">=": "gte", "<": "lt", "<=": "lte" } as const;
const DAY = /^\d{4}-\d\d-\d\d$/;

/** A line that is no condition: words are searched for, or it cannot be read. */
export class LineError extends Error {}

/** The condition that a line of fields is, as a view keeps it. Raises `LineError`. */
export function conditionOf(line: string, own: Readonly<Record<string, Kind>> = {}): Condition {
  const left = tokens(line);
  const kinds = { ...FIELDS, ...own };

  function either(): Condition {
    const found = [together()];
    while (left[0]?.word === "OR") {
      left.shift();
      found.push(together());
    }
    return one(found) ?? { any: found };
  }

  function together(): Condition {
    const found: Condition[] = [];
    for (let next = left[0]; next && next.close === undefined && next.word !== "OR"; next = left[0]) {
      if (next.word === "AND") {
        left.shift();
      } else {
        found.push(term());
      }
    }
    return one(found) ?? { all: found };
  }

  function term(): Condition {
    const token = left.shift();
    if (token?.minus !== undefined || token?.word === "NOT") {
      return { not: term() };
    }
    if (token?.open !== undefined) {
      const inside = either();
      if (left.shift()?.close === undefined) {
        throw new LineError("(");
      }
      return inside;
    }
    const name = token?.field?.toLowerCase() ?? "";
    const kind = kinds[name];
    if (token?.sign === undefined || token.value === undefined || kind === undefined) {
      throw new LineError(token?.phrase ?? token?.word ?? name);
    }
    const values = [...token.value.matchAll(/"([^"]*)"|([^",]+)/g)].map((match) => match[1] || (match[2] ?? ""));
    return token.sign === ":" ? isOneOf(name, kind, values) : compared(name, kind, token.sign, values[0] ?? "");
  }

  const condition = either();
  if (left.length > 0) {
    throw new LineError(")");
  }
  return condition;
}

function one(found: Condition[]): Condition | undefined {
  return found.length === 1 ? found[0] : undefined;
}

function isOneOf(field: string, kind: Kind, values: string[]): Condition {
  if (values.length === 1 && values[0] === "none") {
    return { field, is: [] };
  }
  if (kind === "moment") {
    return {
      any: values.map((day) => ({
        all: [
          { field, gte: day },
          { field, lt: dayAfter(day) },
        ],
      })),
    };
  }
  if (kind === "text") {
    return { any: values.map((contains) => ({ field, contains })) };
  }
  return { field, is: values.map((value) => scalar(kind, value)) };
}

function compared(field: string, kind: Kind, sign: string, value: string): Condition {
  // The end of a day is the beginning of the next one.
  if (kind === "moment" && DAY.test(value) && (sign === ">" || sign === "<=")) {
    return { field, [sign === ">" ? "gte" : "lt"]: dayAfter(value) };
  }
  return { field, [SIGNS[sign as keyof typeof SIGNS]]: scalar(kind, value) };
}

function dayAfter(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  if (!DAY.test(day) || Number.isNaN(date.getTime())) {
    throw new LineError(day);
  }
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}

function scalar(kind: Kind, value: string): string | number | boolean {
  if (kind === "number") {
    return Number(value);
  }
  return kind === "flag" ? ["true", "yes"].includes(value.toLowerCase()) : value;
}

/** The line that a condition is, for somebody to read and to change; null for one that no line says. */
export function lineOf(condition: Condition, inside = false): string | null {
  if ("all" in condition || "any" in condition) {
    const [parts, joint] = "all" in condition ? [condition.all, " "] : [condition.any, " OR "];
    const lines = parts.map((part) => lineOf(part, parts.length > 1));
    if (lines.length === 0 || lines.includes(null)) {
      return null;
    }
    const line = lines.join(joint);
    return inside && parts.length > 1 ? `(${line})` : line;
  }
  if ("not" in condition) {
    const line = lineOf(condition.not, true);
    return line === null ? null : line.startsWith("-") ? `NOT ${line}` : `-${line}`;
  }
  const { field, ...test } = condition;
  if (Array.isArray(test.is)) {
    return `${field}:${test.is.length === 0 ? "none" : test.is.map((value) => quoted(String(value))).join(",")}`;
  }
  const order = Object.entries(SIGNS).find(([, name]) => name in test);
  return order ? `${field}${order[0]}${quoted(String(test[order[1]]))}` : null;
}

function quoted(value: string): string {
  return /^[^\s()",]+$/.test(value) ? value : `"${value}"`;
}
