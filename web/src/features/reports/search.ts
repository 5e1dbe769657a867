import { checkedDay } from "@/lib/period.ts";

export const CHANNELS = ["email", "form", "chat", "phone", "event", "api"] as const;
export const TYPES = ["question", "technical", "billing", "feature_request", "incident"] as const;

/** What the address says of a report: its days, both included, and which tickets it is about. */
export interface ReportSearch {
  from?: string;
  to?: string;
  channel?: (typeof CHANNELS)[number];
  type?: (typeof TYPES)[number];
  language?: string;
  group?: string;
}

export function checkedReport(search: Record<string, unknown>): ReportSearch {
  const from = checkedDay(search.from);
  const to = checkedDay(search.to);
  const { language, group } = search;
  const channel = CHANNELS.find((each) => each === search.channel);
  const type = TYPES.find((each) => each === search.type);
  return {
    ...(from && to && from <= to && { from, to }),
    ...(channel && { channel }),
    ...(type && { type }),
    ...(typeof language === "string" && /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i.test(language) && { language }),
    ...(typeof group === "string" && group !== "" && !group.includes('"') && { group: group.slice(0, 100) }),
  };
}
