import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Plugin } from "vite";
import bengali from "../src/locales/react-aria/bn.json" with { type: "json" };
import hindi from "../src/locales/react-aria/hi.json" with { type: "json" };

type Strings = Record<string, Record<string, string>>;

const SHIPPED = { "ar-AE": "ar", "de-DE": "de", "en-US": "en", "es-ES": "es" } as const;
const OURS: Record<string, Strings> = { "hi-IN": hindi, "bn-BD": bengali };

/**
 * Keeps only the languages this desk speaks of React Aria's own strings, and adds Hindi and Bengali, which it lacks.
 *
 * Every `intlStrings.mjs` imports some thirty locales; together they are a fifth of the inbox bundle.
 */
export function reactAriaStrings(): Plugin {
  return {
    name: "react-aria-strings",
    enforce: "pre",
    load(id) {
      if (!/\/react-(aria|stately|aria-components)\/dist\/.*intlStrings\.mjs$/.test(id)) {
        return null;
      }
      const folder = basename(dirname(id));
      const inComponents = id.includes("/react-aria-components/");
      const section = inComponents ? "components" : folder;
      const path = inComponents ? "./intl" : `../intl/${folder}`;
      // A few of its packages lack a language; theirs is English then.
      const there = Object.entries(SHIPPED).filter(([tag]) => existsSync(resolve(dirname(id), path, `${tag}.mjs`)));
      const imports = there.map(([tag, name]) => `import ${name} from "${path}/${tag}.mjs";`);
      const shipped = there.map(([tag, name]) => `"${tag}": ${name}`);
      const ours = Object.entries(OURS).map(
        ([tag, strings]) => `"${tag}": { ...en, ...${JSON.stringify(strings[section] ?? {})} }`,
      );
      return `${imports.join("\n")}\nexport default { ${[...shipped, ...ours].join(", ")} };\n`;
    },
  };
}
