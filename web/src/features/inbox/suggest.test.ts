import { describe, expect, it } from "vitest";
import { type Catalogue, suggest } from "./suggest.ts";

const catalogue: Catalogue = new Map([
  [
    "status",
    {
      label: "Status",
      values: [
        { value: "open", label: "Open" },
        { value: "on_hold", label: "On hold" },
      ],
    },
  ],
  ["group", { label: "Gruppe", values: ["Night shift", "none"].map((value) => ({ value, label: "" })) }],
  ["created", { label: "Created", values: [], isMoment: true }],
]);

/** What the line is once the first suggestion was taken; `|` is the caret. */
function taken(marked: string): string | null {
  const caret = marked.indexOf("|");
  const line = marked.replace("|", "");
  const [first] = suggest(line, caret, catalogue);
  return first ? line.slice(0, first.from) + first.insert + line.slice(first.to) : null;
}

describe("while a search is written", () => {
  it.each([
    ["st|", "status:"],
    ["refund st|", "refund status:"],
    ["-st|", "-status:"],
    ["(gru|", "(group:"],
    ["cr|", "created>"],
    ["status:|", "status:open"],
    ["status:open,on|", "status:open,on_hold"],
    ["group:ni| x", 'group:"Night shift" x'],
    ["group:no|", 'group:"none"'],
    ["status:no|", "status:none"],
    ["created>|", "created>-1d"],
    ["refund |", null],
    ["nothing|", null],
    ["status:open|", null],
  ])("%s becomes %s", (marked, line) => {
    expect(taken(marked)).toBe(line);
  });
});
