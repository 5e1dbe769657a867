// Fails the build when the inbox asks more of a slow connection than was agreed: everything loaded before the list can
// be drawn (the entry, all it imports statically, the texts of one language), gzipped.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 165;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));

const needed = new Set();
const need = (key) => {
  if (!needed.has(key)) {
    needed.add(key);
    manifest[key].imports?.forEach(need);
  }
};
need("index.html");
need("src/locales/bn.json");

const bytes = [...needed].reduce(
  (sum, key) => sum + gzipSync(readFileSync(new URL(manifest[key].file, dist))).length,
  0,
);
const kilobytes = bytes / 1000;
process.stdout.write(`inbox: ${kilobytes.toFixed(1)} KB of JavaScript, gzipped (budget ${BUDGET_KB})\n`);
if (kilobytes > BUDGET_KB) {
  process.stderr.write("The inbox is over its budget: load something later, or leave it out.\n");
  process.exitCode = 1;
}
