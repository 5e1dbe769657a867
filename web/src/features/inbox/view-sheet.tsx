import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { statusOf } from "@/lib/api/problem.ts";
import type { KeptView, KeptViewBody, Sort } from "@/lib/api/types.ts";
import type { Condition } from "@/lib/conditions.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { conditionOf, LineError, lineOf } from "./line.ts";
import { DEFAULT_SORT, SORTS } from "./source.ts";
import { useOwnFields } from "./use-catalogue.ts";
import { useViewName } from "./use-view-name.ts";
import { DEFAULT_VIEW } from "./views.ts";
import { deleteView, keepView, viewsQuery } from "./views-query.ts";

interface ViewSheetProps {
  /** The view that is changed; null for a new one of `line` and `sort`. */
  view: KeptView | null;
  line: string | null;
  sort: Sort | null;
  /** Whether whoever asks may share it with others. */
  leads: boolean;
  onClose: () => void;
}

/** A view: what it is called, which tickets it shows, in which order, and to whom it belongs. */
export default function ViewSheet({ view, line, sort, leads, onClose }: ViewSheetProps) {
  const { t } = useTranslation(["inbox", "desk"]);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const nameOf = useViewName();
  const own = useOwnFields(true);
  const key = useRef(crypto.randomUUID());
  const [unread, setUnread] = useState<string | null>(null);
  const known = view && lineOf(view.conditions as Condition);
  const isShown = view === null || known !== null;
  const renew = () => queryClient.invalidateQueries({ queryKey: viewsQuery.queryKey });

  const keep = useMutation({
    mutationFn: (body: KeptViewBody) => keepView(body, view, key.current),
    onSuccess: async (kept) => {
      await renew();
      onClose();
      void navigate({ to: "/inbox/$view", params: { view: kept.id } });
    },
  });
  const remove = useMutation({
    mutationFn: (gone: KeptView) => deleteView(gone),
    onSuccess: async () => {
      await renew();
      onClose();
      void navigate({ to: "/inbox/$view", params: { view: DEFAULT_VIEW } });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    try {
      const conditions = isShown ? conditionOf(text("line"), own) : view.conditions;
      setUnread(null);
      keep.mutate({
        name: text("name"),
        conditions: conditions as KeptViewBody["conditions"],
        sort: text("sort") as Sort,
        visibility: (text("visibility") || "personal") as KeptViewBody["visibility"],
        groups: view?.groups ?? [],
        ...(view && { position: view.position }),
      });
    } catch (error) {
      if (!(error instanceof LineError)) {
        throw error;
      }
      setUnread(error.message);
    }
  };
  const error = keep.error ?? remove.error;

  return (
    <Sheet title={t(view ? "view.edit" : "view.keep")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={t("view.name")}
          name="name"
          required
          maxLength={200}
          dir="auto"
          defaultValue={view ? nameOf(view) : ""}
        />
        {isShown ? (
          <Field
            label={t("view.line")}
            hint={t("view.lineHint")}
            name="line"
            required
            maxLength={1000}
            dir="ltr"
            spellCheck={false}
            aria-invalid={unread !== null}
            defaultValue={known ?? line ?? ""}
          />
        ) : (
          <p className="text-sm text-ink-soft">{t("view.noLine")}</p>
        )}
        <div className="grid grid-cols-2 gap-4">
          <ChoiceField label={t("sort.label")} name="sort" defaultValue={view?.sort ?? sort ?? DEFAULT_SORT}>
            {SORTS.map((each) => (
              <option key={each} value={each}>
                {t(`sort.${each}`)}
              </option>
            ))}
          </ChoiceField>
          {leads && (
            <ChoiceField label={t("view.visibility")} name="visibility" defaultValue={view?.visibility ?? "personal"}>
              <option value="personal">{t("view.personal")}</option>
              <option value="everyone">{t("view.everyone")}</option>
              {view?.visibility === "groups" && <option value="groups">{view.groups.join(", ")}</option>}
            </ChoiceField>
          )}
        </div>
        {(unread !== null || error) && (
          <p role="alert" dir="auto" className="text-sm text-bad">
            {unread !== null
              ? t("view.unread", { part: unread })
              : statusOf(error) === 412
                ? t("view.moved")
                : t("view.refused", { reason: error?.message })}
          </p>
        )}
        <div className="flex flex-wrap gap-2">
          {view && (
            <Button look="danger" onClick={() => remove.mutate(view)} disabled={remove.isPending}>
              {t("view.delete")}
            </Button>
          )}
          <span className="flex-1" />
          <Button onClick={onClose}>{t("desk:common.close")}</Button>
          <Button look="primary" type="submit" disabled={keep.isPending}>
            {t("view.save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
