import { useTranslation } from "react-i18next";
import { STATUSES, TYPES } from "./draft.ts";

/** What the desk calls a category of statuses or of types. */
export function useCategoryName(): (category: string) => string {
  const { t } = useTranslation(["reports", "desk"]);
  return (category) => {
    const status = STATUSES.find((each) => each === category);
    const type = TYPES.find((each) => each === category);
    return status ? t(`desk:status.${status}`) : type ? t(`types.${type}`) : category;
  };
}
