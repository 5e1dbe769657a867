import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Account, Role } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { STAFF } from "./queries.ts";
import { useRevoke, useSaveAccount, useSendLink } from "./use-account.ts";

interface AccountSheetProps {
  account: Account | null;
  /** The groups there are, to choose from. */
  groups: readonly string[];
  onClose: () => void;
}

/** An account to make or to change. */
export function AccountSheet({ account, groups, onClose }: AccountSheetProps) {
  const { t } = useTranslation(["admin", "page"]);
  // What the writer has seen: a version that comes in meanwhile must not be written over.
  const [seen] = useState(account);
  const save = useSaveAccount(seen, onClose);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    // Not trimmed: a space may belong to a password.
    const password = String(form.get("password") ?? "");
    save.mutate({
      email: text("email"),
      name: text("name"),
      role: text("role") as Role,
      groups: listOf(form.get("groups")),
      languages: listOf(form.get("languages")),
      ...(password && { password }),
      ...(seen && { active: form.get("active") === "on" }),
    });
  };

  return (
    <Sheet title={seen ? t("accounts.change") : t("accounts.add")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t("common.name")} name="name" dir="auto" required maxLength={200} defaultValue={seen?.name} />
        <Field
          label={t("accounts.email")}
          name="email"
          type="email"
          dir="ltr"
          required
          autoComplete="off"
          defaultValue={seen?.email}
        />
        <ChoiceField label={t("accounts.role")} name="role" defaultValue={seen?.role ?? "agent"}>
          {STAFF.map((role) => (
            <option key={role} value={role}>
              {t(`accounts.roles.${role}`)}
            </option>
          ))}
        </ChoiceField>
        <Field
          label={t("common.groups")}
          hint={[t("common.commas"), groups.slice(0, 8).join(", ")].filter(Boolean).join(" ")}
          name="groups"
          dir="auto"
          defaultValue={seen?.groups.join(", ")}
        />
        <Field
          label={t("accounts.languages")}
          hint={t("accounts.languagesHint")}
          name="languages"
          dir="ltr"
          defaultValue={seen?.languages.join(", ")}
        />
        <Field
          label={t("accounts.password")}
          hint={seen ? t("accounts.passwordKept") : t("accounts.passwordHint")}
          name="password"
          type="password"
          dir="ltr"
          autoComplete="new-password"
        />
        {seen && (
          <label className="flex items-center gap-2 text-sm">
            <input type="checkbox" name="active" defaultChecked={seen.active} className="size-4 accent-accent" />
            {t("accounts.isActive")}
          </label>
        )}
        <ProblemText error={save.error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("page:cancel")}</Button>
          <Button look="primary" type="submit" disabled={save.isPending}>
            {t("page:save")}
          </Button>
        </div>
      </form>
      {seen && <Access account={seen} />}
    </Sheet>
  );
}

/** What helps somebody in, or puts them out. */
function Access({ account }: { account: Account }) {
  const { t } = useTranslation("admin");
  const revoke = useRevoke(account);
  const sendLink = useSendLink(account);
  return (
    <div className="flex flex-col gap-2 border-t border-line pt-4">
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => sendLink.mutate()} disabled={sendLink.isPending || !account.active}>
          {t("accounts.sendLink")}
        </Button>
        <Button look="danger" onClick={() => revoke.mutate()} disabled={revoke.isPending}>
          {t("accounts.revoke")}
        </Button>
      </div>
      <div role="status" className="text-sm text-good empty:hidden">
        {[
          ...(sendLink.isSuccess ? [t("accounts.linkSent")] : []),
          ...(revoke.isSuccess ? [t("accounts.revoked")] : []),
        ].join(" ")}
      </div>
      <ProblemText error={sendLink.error ?? revoke.error} />
    </div>
  );
}
