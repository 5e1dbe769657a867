import type { i18n as I18n } from "i18next";
import type { RoutingDecision } from "@/lib/api/types.ts";
import { formatExact, languageName } from "@/lib/format.ts";

export type RoutingReason = RoutingDecision["explained"][number];
type Named = RoutingReason["params"][string];

/** In the reader's words; in the service's English what was kept in no other way, or is not known here. */
export function tellReasons(english: readonly string[], explained: readonly RoutingReason[], i18n: I18n): string[] {
  return english.map((sentence, index) => {
    const reason = explained[index];
    return (reason && tellReason(reason, i18n)) ?? sentence;
  });
}

function tellReason({ code, params }: RoutingReason, i18n: I18n): string | null {
  const key = `ticket:routing.reason.${code}` as "ticket:routing.reason.load";
  const count = Number(params.count ?? 0);
  const words = Object.entries(params).map(([name, value]) => [name, wordOf(name, value, i18n)] as const);
  if (!i18n.exists(key, { count }) || words.some(([, word]) => word === null)) {
    return null;
  }
  const { count: number, ...named } = Object.fromEntries(words);
  return i18n.t(key, { ...named, count, number });
}

function wordOf(name: string, value: Named, i18n: I18n): string | null {
  if (typeof value === "number") {
    return new Intl.NumberFormat(i18n.language).format(value);
  }
  if (Array.isArray(value)) {
    return new Intl.ListFormat(i18n.language).format(value.map(isolated));
  }
  if (typeof value === "object") {
    return tellReason(value, i18n);
  }
  switch (name) {
    case "at":
      return formatExact(value, i18n.language);
    case "language":
    case "fallback":
      return languageName(value, i18n.language);
    case "type":
      return i18n.t(`panel:type.${value as "question"}`, { defaultValue: value });
    default:
      return isolated(value);
  }
}

/** A word in another script must not turn the sentence around. */
function isolated(word: string): string {
  return `\u2068${word}\u2069`;
}
