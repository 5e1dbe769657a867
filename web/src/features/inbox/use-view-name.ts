import { useTranslation } from "react-i18next";
import type { KeptView } from "@/lib/api/types.ts";
import { KEYED } from "./views.ts";

/** What a view is called: by whoever made it, or in the reader's language if it was there from the start. */
export function useViewName(): (view: KeptView) => string {
  const { t } = useTranslation("inbox");
  return (view) => {
    const key = KEYED.find((each) => each === view.key);
    return key ? t(`view.${key}`) : view.name;
  };
}
