import { describe, expect, it } from "vitest";
import { csv } from "./csv.ts";

describe("a table as CSV", () => {
  it("keeps commas, quotes and lines in their cell", () => {
    expect(csv([["a,b", 'say "no"', "two\nlines", 1.5, null]])).toBe('\uFEFF"a,b","say ""no""","two\nlines",1.5,\r\n');
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])("runs no formula: %j", (name) => {
    expect(csv([[name]])).toContain(`'${name}`);
  });

  it("leaves numbers numbers", () => {
    expect(csv([[-1]])).toBe("\uFEFF-1\r\n");
  });
});
