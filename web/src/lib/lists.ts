/** The words of a line that are separated by commas, each once. */
export function listOf(line: FormDataEntryValue | null): string[] {
  const words = String(line ?? "")
    .split(/[,،、]/)
    .map((word) => word.trim());
  return [...new Set(words.filter(Boolean))];
}
