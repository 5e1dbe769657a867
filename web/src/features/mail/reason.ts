import { useTranslation } from "react-i18next";
import type mail from "@/locales/en/mail.json";

type Known = keyof typeof mail.reason;

/** Says in words why mail was put aside or ignored; a word this version does not know is shown as the server says it. */
export function useReasonWords(): (reason: string) => string {
  const { t } = useTranslation("mail");
  return (reason) => t(`reason.${reason as Known}`, { defaultValue: "" }) || reason.replaceAll("_", " ");
}
