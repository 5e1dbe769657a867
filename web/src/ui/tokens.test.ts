import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PAIRS } from "@/features/gallery/swatches.tsx";

type Theme = "light" | "dark";
type Oklch = readonly [number, number, number];

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const OKLCH = String.raw`oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)`;
const TOKEN = new RegExp(String.raw`--color-([\w-]+): light-dark\(${OKLCH}, ${OKLCH}\)`, "g");

const tokens = new Map(
  [...css.matchAll(TOKEN)].map(([, name, ...numbers]) => {
    const [a, b, c, d, e, f] = numbers.map(Number) as [number, number, number, number, number, number];
    return [String(name), { light: [a, b, c], dark: [d, e, f] } as Record<Theme, Oklch>];
  }),
);

/** Relative luminance (WCAG 2.2) of an OKLCH colour, by the matrices of CSS Color 4, section 10. */
function luminance([lightness, chroma, hue]: Oklch): number {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const red = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
  const green = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
  const blue = -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s;
  // What the screen cannot show is shown as the nearest it can.
  const shown = (value: number) => Math.min(Math.max(value, 0), 1);
  return 0.2126 * shown(red) + 0.7152 * shown(green) + 0.0722 * shown(blue);
}

function contrast(one: string, other: string, theme: Theme): number {
  const colours = [one, other].map((name) => tokens.get(name)?.[theme]);
  const [a, b] = colours.map((colour, index) => {
    if (colour === undefined) {
      throw new Error(`tokens.css has no --color-${index === 0 ? one : other} as light-dark(oklch(…), oklch(…))`);
    }
    return luminance(colour);
  }) as [number, number];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Text and surface that stand in one class list somewhere in the screens. */
function usedPairs(): [string, string][] {
  const root = new URL("../", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx"));
  const found = new Map<string, [string, string]>();
  const named = (list: string, kind: "bg" | "text") =>
    [...list.matchAll(new RegExp(String.raw`\b${kind}-([a-z-]+)`, "g"))]
      .map((match) => String(match[1]))
      .filter((name) => tokens.has(name));
  for (const file of files) {
    // What is chosen at run time stands in strings of its own.
    const source = readFileSync(new URL(file, root), "utf8").replace(/\$\{[^}]*\}/g, "\n");
    for (const [list] of source.matchAll(/[^"`\n]+/g)) {
      for (const surface of named(list, "bg")) {
        for (const text of named(list, "text")) {
          found.set(`${text} on ${surface}`, [text, surface]);
        }
      }
    }
  }
  return [...found.values()];
}

describe.each(["light", "dark"] as const)("the colours of the %s theme", (theme) => {
  const shown = Object.entries(PAIRS).flatMap(([surface, texts]) =>
    texts.map((text): [string, string] => [text, surface]),
  );

  it("every text that is written on a surface can be read on it: 4.5 to 1 (WCAG AA)", () => {
    const used = usedPairs();
    expect(used.length).toBeGreaterThan(10);
    const faint = [...shown, ...used].filter(([text, surface]) => contrast(text, surface, theme) < 4.5);
    expect(
      faint.map(([text, surface]) => `${text} on ${surface}: ${contrast(text, surface, theme).toFixed(2)}`),
    ).toEqual([]);
  });

  it("the edges of controls and of what has the focus can be seen: 3 to 1", () => {
    for (const surface of ["canvas", "surface", "raised"]) {
      for (const edge of ["control", "accent", "bad"]) {
        expect(contrast(edge, surface, theme), `${edge} on ${surface}`).toBeGreaterThanOrEqual(3);
      }
    }
  });
});

it("black on white is 21 to 1, and the theme's accent is not grey", () => {
  expect((luminance([1, 0, 0]) + 0.05) / (luminance([0, 0, 0]) + 0.05)).toBeCloseTo(21, 1);
  // #6a5acd, by its definition in sRGB.
  const channel = (value: number) => ((value / 255 + 0.055) / 1.055) ** 2.4;
  const slate = 0.2126 * channel(106) + 0.7152 * channel(90) + 0.0722 * channel(205);
  expect(luminance([0.5414, 0.1705, 285.04])).toBeCloseTo(slate, 2);
});
