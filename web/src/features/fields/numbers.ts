const ZEROS = ["0", "٠", "۰", "०", "০"].map((zero) => zero.charCodeAt(0));
const SPACES = /[\s'’٬]/g;
const WHOLE = /^-?(\d+|\d{1,3}([.,])\d{2,3}(\2\d{2,3})*)$/;

/**
 * A number as it is written in this language, as the API has it (`-1234.5`); null if it is none.
 *
 * A sign that stands before three digits parts thousands where the language does so by it; anywhere else a single point
 * or comma is the decimal one.
 */
export function readNumber(written: string, language: string): string | null {
  const plain = written
    .replace(/\p{Nd}/gu, (digit) => {
      const zero = ZEROS.find((each) => digit.charCodeAt(0) >= each && digit.charCodeAt(0) < each + 10);
      return zero === undefined ? digit : String(digit.charCodeAt(0) - zero);
    })
    .replace(SPACES, "")
    // `.5`, and a sign that says nothing.
    .replace(/^\+/, "")
    .replace(/^(-?)(?=[.,٫]\d)/, "$10");
  const marks = plain.match(/[.,٫]/g) ?? [];
  const mark = marks.at(-1);
  const isGroup = mark === signOf("group", language) && /^-?[1-9]\d{0,2}[.,]\d{3}$/.test(plain);
  const isDecimal = mark !== undefined && plain.indexOf(mark) === plain.lastIndexOf(mark) && !isGroup;
  const at = isDecimal ? plain.lastIndexOf(mark) : plain.length;
  const whole = plain.slice(0, at);
  const rest = plain.slice(at + 1);
  return WHOLE.test(whole) && /^\d*$/.test(rest) ? whole.replace(/[.,]/g, "") + (rest && `.${rest}`) : null;
}

/** A number of the API as it is written in this language, without thousands: what is put into a field to be changed. */
export function writtenNumber(value: number | string, language: string): string {
  return String(value).replace(".", signOf("decimal", language));
}

function signOf(type: "group" | "decimal", language: string): string {
  const parts = new Intl.NumberFormat(language).formatToParts(1_234_567.5);
  return parts.find((part) => part.type === type)?.value ?? (type === "group" ? "," : ".");
}
