import { useIsMutating } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { editProblem, fieldProblems } from "@/features/ticket/edit-problems.ts";
import type { FieldsDocument, Lifecycle, Session, Ticket, TicketTemplate } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import {
  attemptAt,
  bodyOf,
  forgetOpened,
  isUnwritten,
  type NewTicket,
  NOTHING,
  requesterOf,
  saveNewTicket,
  withAsked,
  withTemplate,
} from "./new-ticket.ts";
import { OwnFields } from "./own-fields.tsx";
import { missingIn, type Problems, refusedIn, still } from "./problems.ts";
import { Properties } from "./properties.tsx";
import { RequesterField } from "./requester-field.tsx";
import { useNewTicket } from "./use-new-ticket.ts";
import { NotAssigned, OPENING, useOpenTicket } from "./use-open-ticket.ts";

const MAX_SUBJECT = 250;

interface NewTicketFormProps {
  session: Session;
  lifecycle: Lifecycle;
  own: FieldsDocument;
  templates: readonly TicketTemplate[];
  onLeave: () => void;
}

/** A ticket as it is written. It is kept in this browser until it is open, or thrown away. */
export function NewTicketForm({ session, lifecycle, own, templates, onLeave }: NewTicketFormProps) {
  const { t } = useTranslation(["newTicket", "desk", "panel", "page"]);
  const navigate = useNavigate();
  const place = useRef<HTMLFormElement>(null);
  const left = useRef<HTMLElement>(null);
  const { ticket, isGone, change: setTicket, recall } = useNewTicket(session.account_id);
  const [isTried, setTried] = useState(false);
  const [refusals, setRefusals] = useState(0);
  const open = useOpenTicket((written) => forgetOpened(session.account_id, written));
  // Left and come back to, the form shows what another one of it is still sending.
  const isSentElsewhere = useIsMutating({ mutationKey: OPENING }) > 0 && open.isIdle;
  const isBusy = open.isPending || open.isSuccess || isSentElsewhere;
  const change = (part: Partial<NewTicket>) => setTicket((known) => ({ ...known, ...part }));
  const problems: Problems = new Map([
    ...(open.variables ? still(refusedIn(open.error, t), open.variables.written, ticket) : []),
    ...(isTried ? missingIn(ticket, t) : []),
  ]);
  useEffect(() => {
    const find = (wanted: string) => place.current?.querySelector<HTMLElement>(wanted);
    // Without the focus in the form, what is typed next would be commands.
    const back = place.current?.contains(left.current) ? left.current : find("[type=submit]");
    (refusals === 0 ? find("select, input") : (find("[aria-invalid=true]") ?? back))?.focus();
    left.current = null;
  }, [refusals]);
  const wasSentElsewhere = useRef(false);
  useEffect(() => {
    if (wasSentElsewhere.current && !isSentElsewhere) {
      recall();
    }
    wasSentElsewhere.current = isSentElsewhere;
  }, [isSentElsewhere, recall]);
  const { reset } = open;
  useEffect(() => {
    if (isGone) {
      setTried(false);
      reset();
    }
  }, [isGone, reset]);

  const show = (id: string) =>
    void navigate({ to: "/inbox/$view", params: { view: "open" }, search: { ticket: id }, replace: true });
  const refused = (error: Error) => {
    const required = [...fieldProblems(error)].flatMap(([key, { code }]) => (code === "required" ? [key] : []));
    setTicket((known) => withAsked(known, required, own, lifecycle));
    setRefusals((known) => known + 1);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    const requester = requesterOf(ticket);
    if (requester === null || missingIn(ticket, t).size > 0) {
      setRefusals((known) => known + 1);
    } else if (!isBusy) {
      const body = bodyOf(ticket, requester, own, lifecycle);
      const attempt = attemptAt(ticket, body);
      const written = { ...ticket, attempt };
      // Kept before it is sent: whatever becomes of this page, it is not opened twice.
      saveNewTicket(session.account_id, written);
      setTicket(() => written);
      open.mutate(
        { body, key: attempt.key, assignee: ticket.assignee, written },
        { onSuccess: ({ id }) => show(id), onError: refused },
      );
    }
  };
  const send = () => {
    // What is being written counts, too: fields tell of it when they are left.
    left.current = document.activeElement as HTMLElement | null;
    flushSync(() => left.current?.blur());
    place.current?.requestSubmit();
  };
  useCommand({ id: "desk:openTicket", group: "desk", key: "Control+Enter", label: t("submit"), run: send });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) {
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      send();
    } else if (event.target instanceof HTMLInputElement) {
      // A ticket cannot be taken back: no Enter in the midst of a form opens one.
      event.preventDefault();
    }
  };
  if (open.error instanceof NotAssigned) {
    return <Unassigned ticket={open.error.ticket} reason={open.error.reason} onShow={show} />;
  }
  const template = templates.find(({ id }) => id === ticket.template) ?? null;
  return (
    <form ref={place} noValidate onSubmit={submit} onKeyDown={onKeyDown} className="flex min-w-0 flex-col gap-4">
      <div role="status" className="text-sm text-ink-soft empty:hidden">
        {isGone && t("gone")}
      </div>
      <div inert={isBusy} className="flex min-w-0 flex-col gap-4">
        {templates.length > 0 && (
          <ChoiceField
            label={t("template")}
            hint={template?.description || t("templateHint")}
            value={template?.id ?? ""}
            onChange={(event) => {
              const chosen = templates.find(({ id }) => id === event.target.value) ?? null;
              setTicket((known) => withTemplate(known, chosen, template, lifecycle.types));
            }}
          >
            <option value="">{t("panel:none")}</option>
            {templates.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </ChoiceField>
        )}
        <RequesterField ticket={ticket} onChange={change} problem={problems.get("requester")} />
        {ticket.customer === null && (
          <Field
            label={t("name")}
            hint={t("nameHint")}
            dir="auto"
            autoComplete="off"
            maxLength={200}
            value={ticket.name}
            onChange={(event) => change({ name: event.target.value })}
            problem={problems.get("name")}
          />
        )}
        <Field
          label={t("panel:field.subject")}
          hint={t("subjectHint")}
          dir="auto"
          autoComplete="off"
          maxLength={MAX_SUBJECT}
          value={ticket.subject}
          onChange={(event) => change({ subject: event.target.value })}
          problem={problems.get("subject")}
        />
        <label className="flex min-w-0 flex-col gap-1 text-xs text-ink-soft">
          {t("text")} *
          <textarea
            dir="auto"
            rows={7}
            aria-required
            aria-invalid={problems.has("text")}
            value={ticket.text}
            onChange={(event) => change({ text: event.target.value })}
            className="rounded-sm border border-control bg-surface px-2 py-1 text-sm text-ink aria-invalid:border-bad"
          />
          {problems.has("text") && <span className="text-bad">{problems.get("text")}</span>}
        </label>
        <Properties ticket={ticket} session={session} lifecycle={lifecycle} onChange={change} problems={problems} />
        <OwnFields
          ticket={ticket}
          own={own}
          lifecycle={lifecycle}
          onChange={(fields) => change({ fields })}
          problems={problems}
        />
      </div>
      <div role="alert" className="text-sm text-bad empty:hidden">
        {problems.size > 0 && t("notYet")}
      </div>
      <ProblemText error={problems.size > 0 || refusedIn(open.error, t).size > 0 ? null : open.error} />
      <div className="flex flex-wrap justify-end gap-2">
        {!isUnwritten(ticket) && (
          <Button
            look="quiet"
            disabled={isBusy}
            onClick={() => {
              saveNewTicket(session.account_id, NOTHING);
              setTicket(() => NOTHING);
              onLeave();
            }}
          >
            {t("discard")}
          </Button>
        )}
        <Button look="primary" type="submit" aria-disabled={isBusy}>
          {t("submit")}
        </Button>
      </div>
    </form>
  );
}

interface UnassignedProps {
  ticket: Ticket;
  reason: Error;
  onShow: (id: string) => void;
}

/** The ticket is open, and not whose it should be. */
function Unassigned({ ticket, reason, onShow }: UnassignedProps) {
  const { t, i18n } = useTranslation(["newTicket", "desk", "panel"]);
  const { t: desk } = useTranslation(["desk", "panel"]);
  const words = editProblem(reason, { t: desk, locale: i18n.language, agents: [] });
  return (
    <div role="alert" className="flex flex-col items-start gap-3 rounded-md bg-warn-soft p-4 text-sm text-warn">
      <p>{t("notAssigned", { number: ticket.number, reason: words })}</p>
      <Button onClick={() => onShow(ticket.id)}>{t("show")}</Button>
    </div>
  );
}
