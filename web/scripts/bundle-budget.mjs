// Fails the build when a page asks more of a slow connection than was agreed: everything loaded before it can be drawn
// (the entry, what its own files import statically, their texts in one language), gzipped.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const texts = (...names) => names.map((name) => `src/locales/bn/${name}.json`);
const PAGES = {
  inbox: { budget: 165, files: ["index.html", "src/features/inbox/inbox-page.tsx", ...texts("desk", "inbox")] },
  reports: {
    budget: 330,
    files: [
      "index.html",
      "src/features/reports/reports-page.tsx",
      "src/features/reports/chart.tsx",
      ...texts("desk", "page", "reports"),
    ],
  },
};
const dist = new URL(`../${process.argv[2] ?? "dist"}/`, import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));

for (const [page, { budget, files }] of Object.entries(PAGES)) {
  const needed = new Set();
  const need = (key) => {
    if (!needed.has(key)) {
      needed.add(key);
      manifest[key].imports?.forEach(need);
    }
  };
  files.forEach(need);
  const sizes = [...needed].map((key) => gzipSync(readFileSync(new URL(manifest[key].file, dist))).length);
  const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1000;
  process.stdout.write(`${page}: ${kilobytes.toFixed(1)} KB of JavaScript, gzipped (budget ${budget})\n`);
  if (kilobytes > budget) {
    process.stderr.write(`${page} is over its budget: load something later, or leave it out.\n`);
    process.exitCode = 1;
  }
}
