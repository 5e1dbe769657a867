import { useTranslation } from "react-i18next";
import { Kbd } from "@/ui/kbd.tsx";

const NAMES: Record<string, string> = { Escape: "Esc", ArrowUp: "↑", ArrowDown: "↓" };

/** The keys of a command as they are printed: one, two together, or two one after the other. */
export function KeyCaps({ keys }: { keys: string }) {
  const { t } = useTranslation("commands");
  const pair = keys.length > 1 && keys.includes(" ") ? keys.split(" ") : null;
  return (
    <span dir="ltr" className="inline-flex items-center gap-1 text-xs text-ink-faint">
      {pair ? (
        <>
          <Kbd>{cap(pair[0] ?? "")}</Kbd>
          {t("help.then")}
          <Kbd>{cap(pair[1] ?? "")}</Kbd>
        </>
      ) : (
        keys.split(/(?<=.)\+/).map((key) => <Kbd key={key}>{cap(key)}</Kbd>)
      )}
    </span>
  );
}

function cap(key: string): string {
  if (key === "Control") {
    return /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘" : "Ctrl";
  }
  return NAMES[key] ?? (key.length === 1 ? shifted(key) : key);
}

/** Letters are printed large; a command of the large letter is given with Shift. */
function shifted(key: string): string {
  const upper = key.toUpperCase();
  return key === upper && key !== key.toLowerCase() ? `⇧ ${upper}` : upper;
}
