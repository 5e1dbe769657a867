import { Paperclip, SquareSlash } from "lucide-react";
import { type DragEvent, type KeyboardEvent as ReactKeyboardEvent, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { Macro, Session, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Applied } from "./applied-macro.tsx";
import { CcField } from "./cc-field.tsx";
import { ClosedComposer } from "./closed-composer.tsx";
import { ComposerProblem } from "./composer-problem.tsx";
import { ComposerTabs } from "./composer-tabs.tsx";
import { ConflictSheet } from "./conflict-sheet.tsx";
import { type DraftKind, isEmpty, MOST_FILES, otherKind } from "./drafts.ts";
import { MacroCommands } from "./macro-commands.tsx";
import { MacroPicker } from "./macro-picker.tsx";
import { NoteField } from "./note-field.tsx";
import { OtherDraft } from "./other-draft.tsx";
import { type FieldHandle, ReplyField } from "./reply-field.tsx";
import { ScheduledList } from "./scheduled-list.tsx";
import { SendButton } from "./send-button.tsx";
import { UploadList } from "./upload-list.tsx";
import { useComposer } from "./use-composer.ts";
import { useMacro } from "./use-macro.ts";
import { leavesLater } from "./use-send.ts";

const BOXES = {
  reply: "border-control bg-surface focus-within:border-accent",
  note: "border-note bg-note-soft focus-within:border-note",
};

/** Where one answers the customer or leaves a note for colleagues; the two differ in colour, label and button. */
export function Composer({ ticket, session }: { ticket: Ticket; session: Session }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const field = useRef<FieldHandle>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const panel = useId();
  const composing = useComposer(ticket, session);
  const { draft, writing, uploads, submit, send } = composing;
  const { kind } = draft;
  const macro = useMacro(ticket, writing);
  const [toolbar, setToolbar] = useState<HTMLElement | null>(null);
  const [isPicking, setPicking] = useState(false);
  const [showsCc, setShowsCc] = useState(false);
  const isClosed = ticket.status === "closed";
  const isReadOnly = composing.busy !== null;

  const begin = (next: DraftKind) => {
    // The next key belongs to the field: it has to be there before that comes.
    flushSync(() => writing.setKind(next));
    field.current?.focus();
  };
  const goOn = () => {
    // Where the sheet was opened from may be gone: without it, the field is what can have the focus.
    flushSync(composing.goOn);
    field.current?.focus();
  };
  const enabled = !isClosed;
  const requester = ticket.requester.name;
  useCommand({ id: "reply", group: "ticket", key: "r", run: () => begin("reply"), enabled });
  useCommand({ id: "note", group: "ticket", key: "n", run: () => begin("note"), enabled });
  // In the field the key is the field's own (`onKeyDown`). By this name the registry tells of it and never hears it, so
  // that nothing is sent from anywhere else.
  const sendNow = () => (composing.canSend ? void submit() : field.current?.focus());
  useCommand({ id: "send", group: "ticket", key: "Control+Enter", run: sendNow, enabled });
  const pick = () => setPicking(true);
  useCommand({ id: "ticket:macros", group: "ticket", key: "m", label: t("macro.command"), run: pick, enabled });
  const attach = () => chooser.current?.click();
  useCommand({ id: "ticket:attach", group: "ticket", label: t("upload.command"), run: attach, enabled });

  const apply = (chosen: Macro) => {
    setPicking(false);
    if (!isReadOnly) {
      macro.mutate(chosen, { onSuccess: () => field.current?.focus() });
    }
  };
  const onKeyDown = (event: KeyboardEvent | ReactKeyboardEvent, isLineStart: boolean) => {
    if (("nativeEvent" in event ? event.nativeEvent : event).isComposing) {
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const solves = event.shiftKey && kind === "reply" && ticket.allowed_statuses.includes("solved");
      void submit(solves ? { status: "solved" } : {});
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      (document.activeElement as HTMLElement | null)?.blur();
    } else if (event.key === "/" && isLineStart && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      setPicking(true);
    }
  };
  const addFiles = (files: FileList) => uploads.add(kind, files);
  const onDrop = (event: DragEvent) => {
    if (event.dataTransfer.files.length > 0) {
      event.preventDefault();
      addFiles(event.dataTransfer.files);
    }
  };

  if (isClosed) {
    return <ClosedComposer draft={draft} />;
  }
  const onEscapedSlash = (typed?: string) => {
    setPicking(false);
    if (typed !== undefined) {
      requestAnimationFrame(() => {
        field.current?.focus();
        document.execCommand("insertText", false, typed);
      });
    }
  };
  return (
    <section
      aria-label={t("composer.label")}
      className="shrink-0 border-t border-line px-4 py-3 lg:px-6 [@media(max-height:30rem)]:max-h-[70%] [@media(max-height:30rem)]:overflow-y-auto"
      onDragOver={(event) => event.dataTransfer.types.includes("Files") && event.preventDefault()}
      onDrop={onDrop}
    >
      <ScheduledList
        ticketId={ticket.id}
        accountId={session.account_id}
        onTakenBack={({ text, html, cc, attachments, thread_version: seen }) => {
          const files = attachments.map(({ id, name, size_bytes: size }) => ({ id, name, size }));
          writing.giveBack({ text, html, cc, files }, seen);
          // Whoever writes a note by now goes on with that.
          if (writing.state().draft.kind === "reply") {
            field.current?.focus();
          }
        }}
      />
      <div data-writing={kind} className={`mx-auto flex max-w-180 flex-col rounded-lg border ${BOXES[kind]}`}>
        <div className="flex items-end justify-between gap-2 pe-2">
          <ComposerTabs
            kind={kind}
            hasOther={!isEmpty(draft, otherKind(kind))}
            panel={panel}
            onChange={(next) => writing.setKind(next)}
          />
          {kind === "reply" && ticket.channel === "email" && !showsCc && draft.cc.length === 0 && (
            <Button look="quiet" onClick={() => setShowsCc(true)}>
              {t("composer.cc")}
            </Button>
          )}
        </div>
        {kind === "reply" && (showsCc || draft.cc.length > 0) && (
          <CcField
            key={composing.revision}
            cc={draft.cc}
            isReadOnly={isReadOnly}
            onChange={(cc) => writing.setCc(cc)}
            onUnfinished={composing.setUnfinishedCopies}
          />
        )}
        <div
          role="tabpanel"
          id={panel}
          aria-labelledby={`${panel}-${kind}`}
          className="flex flex-col"
          onFocus={() => writing.hold(true)}
          onBlur={() => writing.hold(false)}
        >
          {kind === "reply" ? (
            <ReplyField
              ref={field}
              text={draft.reply}
              html={draft.html}
              revision={composing.revision}
              label={t("composer.reply")}
              placeholder={requester ? t("composer.replyTo", { name: requester }) : `${t("composer.reply")}…`}
              isReadOnly={isReadOnly}
              toolbar={toolbar}
              onChange={(text, html) => writing.writeReply(text, html, composing.version)}
              onKeyDown={onKeyDown}
              onFiles={addFiles}
            />
          ) : (
            <NoteField
              ref={field}
              text={draft.note}
              isReadOnly={isReadOnly}
              onChange={(text) => writing.writeNote(text)}
              onKeyDown={onKeyDown}
              onFiles={addFiles}
            />
          )}
        </div>
        <UploadList
          files={draft.files[kind]}
          underway={composing.underway}
          uploads={uploads}
          onRemove={(id) => writing.removeFile(kind, id)}
        />
        {macro.data && <Applied {...macro.data} onClose={() => macro.reset()} />}
        {composing.other && <OtherDraft other={composing.other} writing={writing} />}
        <ComposerProblem
          error={composing.error ?? macro.error}
          isKept={composing.isKept}
          refusedKind={composing.refusedKind}
          onShow={begin}
        />
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1 p-2">
          <div ref={setToolbar} className="contents" />
          <Button look="quiet" size="icon" aria-label={t("upload.command")} onClick={attach}>
            <Paperclip aria-hidden className="size-4" />
          </Button>
          <Button look="quiet" size="icon" aria-label={t("macro.command")} onClick={pick}>
            <SquareSlash aria-hidden className="size-4" />
          </Button>
          <span className="ms-auto text-xs text-ink-soft">
            {composing.hindered && t(`composer.${composing.hindered}`, { most: MOST_FILES })}
          </span>
          <SendButton ticket={ticket} composing={composing} />
        </div>
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            if (event.target.files) {
              addFiles(event.target.files);
            }
            event.target.value = "";
          }}
        />
      </div>
      <div role="status" className="sr-only">
        {send.isSuccess && t(outcome())}
      </div>
      <MacroCommands onApply={apply} />
      {isPicking && <MacroPicker ticket={ticket} onChoose={apply} onClose={onEscapedSlash} />}
      {composing.conflict && (
        <ConflictSheet conflict={composing.conflict} onSendAnyway={composing.sendAnyway} onGoOn={goOn} />
      )}
    </section>
  );

  function outcome() {
    const { data, variables } = send;
    if (variables?.kind === "note") {
      return "composer.added";
    }
    return data && leavesLater(data) ? "composer.leaves" : "composer.sent";
  }
}
