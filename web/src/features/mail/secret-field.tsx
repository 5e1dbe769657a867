import { useTranslation } from "react-i18next";
import { Field } from "@/ui/field.tsx";

interface SecretFieldProps {
  name: "password" | "refresh_token" | "client_secret" | "smtp_password";
  /** The names of the secrets that are there. */
  kept: readonly string[];
}

/** A secret that is written and never shown; left empty it stays as it is. */
export function SecretField({ name, kept }: SecretFieldProps) {
  const { t } = useTranslation("mail");
  return (
    <Field
      label={t(`secret.${name}`)}
      {...(kept.includes(name) && { hint: t("secret.kept") })}
      name={name}
      type="password"
      dir="ltr"
      autoComplete="new-password"
    />
  );
}
