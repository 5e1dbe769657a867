import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Users } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Account } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { Table } from "@/ui/table.tsx";
import { SeenBy } from "../seen-by.tsx";
import { accountsKey, groupsOf, staffQuery } from "./queries.ts";
import { changeAccount } from "./use-account.ts";

/** Who is in which group. A group is a name that accounts carry. */
export default function Groups() {
  const { t } = useTranslation(["admin", "page"]);
  const staff = useQuery(staffQuery);
  const [edited, setEdited] = useState<string | null>(null);
  const groups = staff.data && groupsOf(staff.data);
  return (
    <>
      <PageHead title={t("sections.groups")} hint={t("groups.hint")}>
        <Button look="primary" onClick={() => setEdited("")}>
          <Plus aria-hidden className="size-4" />
          {t("groups.add")}
        </Button>
      </PageHead>
      <SeenBy />
      <Loaded query={staff} has={groups !== undefined}>
        {groups?.length === 0 ? (
          <Notice icon={<Users aria-hidden className="size-6" />} title={t("groups.none")} />
        ) : (
          <Table label={t("sections.groups")}>
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("groups.members")}</th>
                <th scope="col">
                  <span className="sr-only">{t("page:edit")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {groups?.map((group) => (
                <tr key={group}>
                  <th scope="row">
                    <bdi>{group}</bdi>
                  </th>
                  <td>
                    <bdi>
                      {staff.data
                        ?.filter((account) => account.groups.includes(group))
                        .map((account) => account.name)
                        .join(", ")}
                    </bdi>
                  </td>
                  <td className="text-end">
                    <Button onClick={() => setEdited(group)} aria-label={t("common.editOf", { name: group })}>
                      {t("page:edit")}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
      {edited !== null && <GroupSheet group={edited} staff={staff.data ?? []} onClose={() => setEdited(null)} />}
    </>
  );
}

function GroupSheet({ group, staff, onClose }: { group: string; staff: readonly Account[]; onClose: () => void }) {
  const { t } = useTranslation(["admin", "page"]);
  const queryClient = useQueryClient();
  const save = useMutation({
    // One account after the other: each has a version of its own, and what is refused says whose it is.
    mutationFn: async ({ name, members }: { name: string; members: ReadonlySet<string> }) => {
      for (const account of staff) {
        const others = account.groups.filter((each) => each !== group && each !== name);
        const groups = members.has(account.id) ? [...others, name] : others;
        if (groups.length !== account.groups.length || groups.some((each) => !account.groups.includes(each))) {
          await changeAccount(account, { groups });
        }
      }
    },
    onSuccess: onClose,
    onSettled: () => queryClient.invalidateQueries({ queryKey: accountsKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({ name: String(form.get("name")).trim(), members: new Set(form.getAll("member").map(String)) });
  };
  return (
    <Sheet title={group || t("groups.add")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={t("common.name")}
          name="name"
          dir="auto"
          required
          maxLength={100}
          pattern=".*\S.*"
          defaultValue={group}
        />
        <fieldset className="flex flex-col gap-1">
          <legend className="pb-1 text-xs text-ink-soft">{t("groups.members")}</legend>
          <div className="max-h-64 overflow-y-auto rounded-md border border-line p-2">
            {staff.map((account) => (
              <label key={account.id} className="flex min-h-8 items-center gap-2 text-sm">
                <input
                  type="checkbox"
                  name="member"
                  value={account.id}
                  defaultChecked={group !== "" && account.groups.includes(group)}
                  className="size-4 accent-accent"
                />
                <bdi>{account.name}</bdi>
                <bdi className="truncate text-ink-faint">{account.email}</bdi>
              </label>
            ))}
          </div>
        </fieldset>
        <ProblemText error={save.error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("page:cancel")}</Button>
          <Button look="primary" type="submit" disabled={save.isPending}>
            {t("page:save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
