import { expect, it } from "vitest";
import { readNumber, writtenNumber } from "./numbers.ts";

it.each([
  ["12,5", "de", "12.5"],
  ["1.234,56", "de", "1234.56"],
  ["1.500", "de", "1500"],
  ["1.55", "de", "1.55"],
  ["1.500", "en", "1.500"],
  ["1,500", "en", "1500"],
  ["1,5", "en", "1.5"],
  ["0,125", "en", "0.125"],
  ["1,234,567", "en", "1234567"],
  ["12,34,567.8", "hi", "1234567.8"],
  ["1 234,5", "es", "1234.5"],
  ["-3", "en", "-3"],
  ["-,5", "es", "-0.5"],
  ["+.5", "en", "0.5"],
  ["5.", "en", "5"],
  ["১২৩", "bn", "123"],
  ["١٢٫٥", "ar", "12.5"],
  ["ten", "en", null],
  ["1.2.3,4,5", "en", null],
  ["", "en", null],
])("reads %s in %s as %s", (written, language, read) => {
  expect(readNumber(written, language)).toBe(read);
});

it.each(["en", "hi", "bn", "de", "es", "ar"])("reads in %s what it wrote", (language) => {
  for (const value of ["0.125", "1.555", "-1234.5", "12000"]) {
    expect(readNumber(writtenNumber(value, language), language)).toBe(value);
  }
});
