import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, gateway } from "@/lib/api/client.ts";
import type { Role } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { STAFF } from "../accounts/queries.ts";
import { SCOPES } from "./scopes.ts";

/** A new key; then its token, this once. */
export function KeySheet({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const { t } = useTranslation(["admin", "page"]);
  const make = useMutation({
    mutationFn: async (form: FormData) =>
      answer(
        gateway.POST("/api/accounts/keys", {
          body: {
            name: String(form.get("name")).trim(),
            role: form.get("role") as Role,
            scopes: form.getAll("scope").map(String),
            expires_in_days: Number(form.get("days")),
          },
        }),
      ),
    onSuccess: onMade,
    // The token is shown here and kept nowhere.
    gcTime: 0,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(new FormData(event.currentTarget));
  };
  if (make.data) {
    return (
      <Sheet title={t("keys.token")} isOpen onClose={onClose}>
        <Token token={make.data.token} />
        <div className="flex justify-end">
          <Button onClick={onClose}>{t("page:close")}</Button>
        </div>
      </Sheet>
    );
  }
  return (
    <Sheet title={t("keys.add")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t("common.name")} name="name" dir="auto" required maxLength={200} />
        <div className="grid grid-cols-2 gap-4">
          <ChoiceField label={t("accounts.role")} name="role" defaultValue="admin">
            {STAFF.map((role) => (
              <option key={role} value={role}>
                {t(`accounts.roles.${role}`)}
              </option>
            ))}
          </ChoiceField>
          <Field label={t("keys.days")} name="days" type="number" min={1} max={365} required defaultValue={90} />
        </div>
        <fieldset>
          <legend className="pb-1 text-xs text-ink-soft">{t("keys.scopes")}</legend>
          <div dir="ltr" className="grid max-h-64 overflow-y-auto rounded-md border border-line p-2 md:grid-cols-2">
            {SCOPES.map((scope) => (
              <label key={scope} className="flex min-h-7 items-center gap-2 text-sm">
                <input type="checkbox" name="scope" value={scope} className="size-4 accent-accent" />
                {scope}
              </label>
            ))}
          </div>
        </fieldset>
        <ProblemText error={make.error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("page:cancel")}</Button>
          <Button look="primary" type="submit" disabled={make.isPending}>
            {t("keys.add")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

function Token({ token }: { token: string }) {
  const { t } = useTranslation("admin");
  const [isCopied, setCopied] = useState(false);
  return (
    <>
      <p className="text-sm">{t("keys.tokenHint")}</p>
      <code dir="ltr" className="rounded-md bg-hover p-3 font-mono text-xs break-all select-all">
        {token}
      </code>
      <div className="flex items-center gap-3">
        <Button look="primary" onClick={() => void navigator.clipboard.writeText(token).then(() => setCopied(true))}>
          {t("keys.copy")}
        </Button>
        <span role="status" className="text-sm text-good">
          {isCopied && t("keys.copied")}
        </span>
      </div>
    </>
  );
}
