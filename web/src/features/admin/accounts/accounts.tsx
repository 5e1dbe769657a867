import { useQuery } from "@tanstack/react-query";
import { Plus, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Account, Role } from "@/lib/api/types.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { ChoiceField } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { Table } from "@/ui/table.tsx";
import { SeenBy } from "../seen-by.tsx";
import { AccountSheet } from "./account-sheet.tsx";
import { groupsOf, STAFF, staffQuery } from "./queries.ts";

/** Who works here: made, changed, switched off. */
export default function Accounts() {
  const { t } = useTranslation(["admin", "page"]);
  const staff = useQuery(staffQuery);
  const [role, setRole] = useState<Role | "">("");
  const [withOff, setWithOff] = useState(false);
  const [edited, setEdited] = useState<string | "new" | null>(null);
  const shown = staff.data?.filter((each) => (withOff || each.active) && (role === "" || each.role === role));
  return (
    <>
      <PageHead title={t("sections.accounts")} hint={t("accounts.hint")}>
        <Button look="primary" onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("accounts.add")}
        </Button>
      </PageHead>
      <SeenBy />
      <search className="flex flex-wrap items-end gap-4">
        <div className="w-48">
          <ChoiceField
            label={t("accounts.role")}
            value={role}
            onChange={(event) => setRole(event.target.value as Role | "")}
          >
            <option value="">{t("accounts.anyRole")}</option>
            {STAFF.map((each) => (
              <option key={each} value={each}>
                {t(`accounts.roles.${each}`)}
              </option>
            ))}
          </ChoiceField>
        </div>
        <label className="flex h-8 items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={withOff}
            onChange={(event) => setWithOff(event.target.checked)}
            className="size-4 accent-accent"
          />
          {t("accounts.offShown")}
        </label>
      </search>
      <Loaded query={staff} has={shown !== undefined}>
        {shown?.length === 0 ? (
          <Notice icon={<Users aria-hidden className="size-6" />} title={t("accounts.none")} />
        ) : (
          <Table label={t("sections.accounts")}>
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("accounts.email")}</th>
                <th scope="col">{t("accounts.role")}</th>
                <th scope="col">{t("common.groups")}</th>
                <th scope="col">{t("accounts.languages")}</th>
                <th scope="col">
                  <span className="sr-only">{t("page:edit")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown?.map((account) => (
                <AccountRow key={account.id} account={account} onEdit={() => setEdited(account.id)} />
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
      {edited !== null && (
        <AccountSheet
          account={staff.data?.find((account) => account.id === edited) ?? null}
          groups={groupsOf(staff.data ?? [])}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}

function AccountRow({ account, onEdit }: { account: Account; onEdit: () => void }) {
  const { t } = useTranslation(["admin", "page"]);
  return (
    <tr>
      <th scope="row">
        <span className="flex items-center gap-2">
          <Avatar name={account.name} />
          <bdi>{account.name}</bdi>
          {!account.active && <Badge tone="warn">{t("accounts.off")}</Badge>}
        </span>
      </th>
      <td>
        <bdi>{account.email}</bdi>
      </td>
      <td>{t(`accounts.roles.${account.role}`)}</td>
      <td>
        <bdi>{account.groups.join(", ")}</bdi>
      </td>
      <td>
        <bdi>{account.languages.join(", ")}</bdi>
      </td>
      <td className="text-end">
        <Button onClick={onEdit} aria-label={t("common.editOf", { name: account.name })}>
          {t("page:edit")}
        </Button>
      </td>
    </tr>
  );
}
