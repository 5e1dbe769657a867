import { expect, it } from "vitest";
import { copiesIn } from "./copies.ts";

it.each([
  ["", [], true],
  ["a@b.de, c@d.de,", ["a@b.de", "c@d.de"], true],
  ["Ana <ana@b.de>; a@b.de", ["ana@b.de", "a@b.de"], true],
  ["a@b.de, ana@", ["a@b.de"], false],
  ["Ana <ana@b.de", [], false],
  ["Ana ana@b.de", [], false],
])("addresses of copies: %s", (typed, cc, isFinished) => {
  expect(copiesIn(typed)).toEqual({ cc, isFinished });
});
