/** What the organisation calls something of its own, in the reader's language if it says so; else `otherwise`. */
export function labelOf(labels: Readonly<Record<string, string>>, locale: string, otherwise: string): string {
  return labels[locale] ?? labels.en ?? Object.values(labels)[0] ?? otherwise;
}
