import type { Overview, Volume } from "@/lib/api/types.ts";

export interface Series {
  name: string;
  values: number[];
  /** The search lines that find the tickets of each point, where there are such. */
  searches?: string[];
}

/** What a chart and its table show alike. */
export interface ChartData {
  /** What each point is: a day, a deadline. */
  points: string[];
  series: Series[];
}

const COLOURS = 6;

/** The colour of a series by its place; there are six. */
export function colourOf(place: number): string {
  return `var(--color-chart-${place + 1})`;
}

/** What is drawn: no two series of one colour, so what is beyond stands together as `others`; the table has each. */
export function drawn(data: ChartData, others: string): ChartData {
  if (data.series.length <= COLOURS) {
    return data;
  }
  const rest = data.series.slice(COLOURS - 1);
  const values = data.points.map((_, place) => rest.reduce((sum, series) => sum + (series.values[place] ?? 0), 0));
  return { ...data, series: [...data.series.slice(0, COLOURS - 1), { name: others, values }] };
}

/** Days of the answer's own zone, short. */
function dayNames(starts: readonly string[], locale: string, timeZone: string): string[] {
  const format = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone });
  return starts.map((start) => format.format(new Date(start)));
}

/** One series for each channel or language, those with the most tickets first. */
export function volumeData(volume: Volume, name: (key: string) => string, locale: string): ChartData {
  const points = volume.figures.volume;
  const sums = new Map<string, number>();
  for (const point of points) {
    for (const [key, tickets] of Object.entries(point.tickets)) {
      sums.set(key, (sums.get(key) ?? 0) + tickets);
    }
  }
  const keys = [...sums].sort(([a, many], [b, more]) => more - many || a.localeCompare(b)).map(([key]) => key);
  return {
    points: dayNames(
      points.map((point) => point.start),
      locale,
      volume.time_zone,
    ),
    series: keys.map((key) => ({
      name: name(key),
      values: points.map((point) => point.tickets[key] ?? 0),
      searches: points.map((point) => `${point.search} ${volume.key_searches[key]}`),
    })),
  };
}

export function backlogData(overview: Overview, name: string, locale: string): ChartData {
  const days = overview.figures.backlog_by_day;
  return {
    // Days without a time are midnights of UTC to JavaScript.
    points: dayNames(
      days.map(({ day }) => day),
      locale,
      "UTC",
    ),
    series: [{ name, values: days.map(({ tickets }) => tickets) }],
  };
}

export function complianceData(
  overview: Overview,
  metric: (id: string) => string,
  names: { met: string; breached: string },
): ChartData {
  const clocks = overview.figures.sla_compliance;
  return {
    points: clocks.map((each) => metric(each.metric)),
    series: [
      { name: names.met, values: clocks.map(({ met }) => met) },
      { name: names.breached, values: clocks.map(({ breached }) => breached) },
    ],
  };
}

/** The table of a chart: the heads of its columns, then a row for each point, and the sums where they mean something. */
export function tableOf(data: ChartData, point: string, sum: string): (string | number)[][] {
  const sums = data.series.length > 1;
  return [
    [point, ...data.series.map((series) => series.name), ...(sums ? [sum] : [])],
    ...data.points.map((name, place) => {
      const values = data.series.map((series) => series.values[place] ?? 0);
      return [name, ...values, ...(sums ? [values.reduce((all, value) => all + value, 0)] : [])];
    }),
  ];
}
