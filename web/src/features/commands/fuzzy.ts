/** A text as it is compared: without case and accents. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * How well a text fits what was typed; null when it does not. Each word has to be in the text, its letters in order:
 * best at the beginning of a word and side by side.
 */
export function fitness(query: string, text: string): number | null {
  const target = folded(text);
  let sum = 0;
  for (const word of folded(query).split(/\s+/).filter(Boolean)) {
    const found = fitOfWord([...word], target);
    if (found === null) {
      return null;
    }
    sum += found;
  }
  // Of two that fit alike, the shorter one was meant.
  return sum - target.length / 1000;
}

function fitOfWord(letters: string[], target: string): number | null {
  const whole = target.indexOf(letters.join(""));
  if (whole >= 0) {
    return letters.length * (startsWord(target, whole) ? 4 : 2);
  }
  let at = 0;
  let points = 0;
  for (const letter of letters) {
    const next = target.indexOf(letter, at);
    if (next < 0) {
      return null;
    }
    points += startsWord(target, next) ? 2 : next === at ? 1 : 0;
    at = next + letter.length;
  }
  return points;
}

function startsWord(text: string, at: number): boolean {
  return at === 0 || /[\s:/-]/.test(text.charAt(at - 1));
}
