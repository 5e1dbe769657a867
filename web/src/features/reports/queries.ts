import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { analytics, answer } from "@/lib/api/client.ts";
import type { Overview, Volume } from "@/lib/api/types.ts";
import { type Days, lastDays, lengthOf, shifted } from "@/lib/period.ts";
import type { ReportSearch } from "./search.ts";

export type Dimension = Volume["by"];

/** Which tickets a report is about. */
export type About = Omit<ReportSearch, "from" | "to">;

/** The days that the address names, else the last 30. */
export function daysOf({ from, to }: ReportSearch, now: Date): Days {
  return from && to ? { from, to } : lastDays(30, now);
}

export function aboutOf({ channel, type, language, group }: ReportSearch): About {
  return { ...(channel && { channel }), ...(type && { type }), ...(language && { language }), ...(group && { group }) };
}

/** As many days, just before. */
export function daysBefore(days: Days): Days {
  const length = lengthOf(days);
  return { from: shifted(days.from, -length), to: shifted(days.to, -length) };
}

/** The API's own words for them: its end is exclusive, and its days begin where the reader is. */
function asked(days: Days, about: About) {
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { ...about, from: days.from, to: shifted(days.to, 1), time_zone };
}

export function overviewQuery(days: Days, about: About) {
  return queryOptions({
    queryKey: ["reports", "overview", days, about] as const,
    queryFn: async ({ signal }): Promise<Overview> =>
      answer(analytics.GET("/api/analytics/overview", { params: { query: asked(days, about) }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function volumeQuery(days: Days, about: About, by: Dimension) {
  return queryOptions({
    queryKey: ["reports", "volume", by, days, about] as const,
    queryFn: async ({ signal }): Promise<Volume> =>
      answer(analytics.GET("/api/analytics/volume", { params: { query: { ...asked(days, about), by } }, signal })),
    placeholderData: keepPreviousData,
  });
}
