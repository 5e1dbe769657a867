import { useTranslation } from "react-i18next";
import type { Count } from "@/lib/api/types.ts";

/** How many, as exactly as it is known: 42, 10,000+, about 12,000. */
export function useCountText(): (count: Count) => string {
  const { t, i18n } = useTranslation("inbox");
  return ({ count, exactness }) => {
    const number = new Intl.NumberFormat(i18n.language).format(count);
    return exactness === "exact" ? number : t(exactness === "at_least" ? "count.atLeast" : "count.about", { number });
  };
}
