import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { ApiError, statusOf } from "@/lib/api/problem.ts";
import type { Customer } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { customerQuery } from "./queries.ts";

interface CustomerSheetProps {
  customer: Customer;
  onClose: () => void;
}

/** Name, tier, language and zone of a customer, to be changed. */
export function CustomerSheet({ customer, onClose }: CustomerSheetProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const queryClient = useQueryClient();
  // What the writer has seen: what others change meanwhile must not be written over.
  const [seen] = useState(customer);
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name)).trim();
      const params = { path: { customer_id: seen.id }, header: { "if-match": `"${seen.version}"` } };
      const body = { name: text("name"), tier: text("tier"), language: text("language") || null, notes: text("notes") };
      return answer(tickets.PATCH("/api/customers/{customer_id}", { params, body }));
    },
    onSuccess: onClose,
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: customerQuery(customer.id).queryKey });
      // Their name stands in tickets, too.
      void queryClient.invalidateQueries({ queryKey: ["tickets", "one"] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <Sheet title={t("panel:tabs.customer")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t("panel:customer.name")} name="name" dir="auto" maxLength={200} defaultValue={seen.name} />
        <div className="grid items-start gap-4 md:grid-cols-2">
          <Field
            label={t("panel:customer.tier")}
            name="tier"
            dir="auto"
            required
            maxLength={50}
            defaultValue={seen.tier}
          />
          <Field
            label={t("panel:customer.language")}
            hint={t("panel:customer.languageHint")}
            name="language"
            dir="ltr"
            maxLength={35}
            defaultValue={seen.language ?? ""}
          />
        </div>
        <Field label={t("panel:customer.notes")} name="notes" dir="auto" maxLength={2000} defaultValue={seen.notes} />
        <div role="alert" className="text-sm text-bad empty:hidden">
          {save.error && words(save.error)}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("panel:cancel")}</Button>
          <Button look="primary" type="submit" disabled={save.isPending}>
            {t("panel:save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );

  function words(error: Error): string {
    switch (statusOf(error)) {
      case 412:
        return t("panel:customer.changed");
      case 403:
        return t("ticket.forbidden");
      case 422: {
        const wrong = error instanceof ApiError ? (error.problem.errors ?? []) : [];
        const reason = wrong.map(({ loc, msg }) => `${loc.at(-1) ?? ""}: ${msg}`).join("; ");
        return t("panel:customer.invalid", { reason: reason || error.message });
      }
      default:
        return t("panel:customer.failed");
    }
  }
}
