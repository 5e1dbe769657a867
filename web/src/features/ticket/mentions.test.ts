import { expect, it } from "vitest";
import type { Agent } from "@/lib/api/types.ts";
import { agentsLike, mentioningAt, mentionsIn, withMention } from "./mentions.ts";

const AGENTS = ["Ana", "Ana Müller", "Bithi Namuna", "Zoë Ende", "Gone Away"].map(
  (name) => ({ id: name, name, active: name !== "Gone Away" }) as Agent,
);

it.each([
  ["@", 1, { at: 0, beginning: "" }],
  ["ask @an", 7, { at: 4, beginning: "an" }],
  ["ask @Ana Mü", 11, { at: 4, beginning: "Ana Mü" }],
  ["mail ana@example", 16, null],
  ["@Ana has it now", 15, null],
])("what is typed after an @ is a beginning of a name: %s", (text, caret, found) => {
  expect(mentioningAt(text, caret)).toEqual(found);
});

it("agents are found by the beginning of any part of their name, without accents, while they are active", () => {
  expect(agentsLike(AGENTS, "an").map((agent) => agent.name)).toEqual(["Ana", "Ana Müller"]);
  expect(agentsLike(AGENTS, "mu").map((agent) => agent.name)).toEqual(["Ana Müller"]);
  expect(agentsLike(AGENTS, "zoe").map((agent) => agent.name)).toEqual(["Zoë Ende"]);
  expect(agentsLike(AGENTS, "gone")).toEqual([]);
});

it("a name is put where its beginning was typed", () => {
  const [, muller] = AGENTS;
  const typed = { at: 4, beginning: "mu" };
  expect(muller && withMention("ask @mu please", typed, 7, muller)).toEqual(["ask @Ana Müller please", 16]);
});

it.each([
  ["@Ana Müller, look", ["Ana Müller"]],
  ["@Ana and @Bithi Namuna.", ["Bithi Namuna", "Ana"]],
  ["@Anastasia", []],
  ["@Gone Away", []],
])("a text mentions those whose whole name is in it: %s", (text, ids) => {
  expect(mentionsIn(text, AGENTS)).toEqual(ids);
});
