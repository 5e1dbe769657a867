import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import { useEffect, useEffectEvent, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { BLOCK_SEPARATOR, documentOf, isPlain } from "./reply-document.ts";
import { FIELD, type ReplyFieldProps } from "./reply-field.tsx";
import { ReplyToolbar } from "./reply-toolbar.tsx";

interface ReplyEditorProps extends ReplyFieldProps {
  /** Where the plain field's selection was when the editor takes over from it; null if it had not the focus. */
  selection: { from: number; to: number } | null;
}

/** Formatted text, in the subset of HTML that replies have. */
export default function ReplyEditor({ selection, ...props }: ReplyEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);

  const content = useEffectEvent(() => props.html ?? documentOf(props.text));
  const onUpdate = useEffectEvent((changed: Editor) =>
    props.onChange(
      changed.getText({ blockSeparator: BLOCK_SEPARATOR }),
      isPlain(changed.state.doc) ? null : changed.getHTML(),
    ),
  );
  const isReadOnly = useEffectEvent(() => props.isReadOnly);
  const onKeyDown = useEffectEvent((event: KeyboardEvent, isLineStart: boolean) => {
    props.onKeyDown(event, isLineStart);
    return event.defaultPrevented || (props.isReadOnly && event.key !== "Tab");
  });
  const onFiles = useEffectEvent((files: FileList | undefined) => {
    if (files === undefined || files.length === 0) {
      return false;
    }
    props.onFiles(files);
    return true;
  });
  const start = useEffectEvent((made: Editor) => {
    if (selection !== null) {
      made.commands.setTextSelection({ from: selection.from + 1, to: selection.to + 1 });
      made.view.focus();
    }
  });

  useLayoutEffect(() => {
    const made = new Editor({
      element: place.current,
      // The content security policy lets no script write styles; rich.css has what an editor needs.
      injectCSS: false,
      content: content(),
      extensions: [
        StarterKit.configure({
          codeBlock: false,
          heading: false,
          horizontalRule: false,
          strike: false,
          trailingNode: false,
          link: { openOnClick: false, defaultProtocol: "https", HTMLAttributes: { target: null, rel: null } },
        }),
      ],
      editorProps: {
        attributes: { role: "textbox", "aria-multiline": "true", dir: "auto", class: `${FIELD} rich outline-none` },
        handleKeyDown: ({ state: { selection: at } }, event) =>
          onKeyDown(event, at.empty && at.$from.parentOffset === 0),
        // Not "not editable": that would take the focus away while the message is sent.
        handleTextInput: () => isReadOnly(),
        handlePaste: (_view, event) => isReadOnly() || onFiles(event.clipboardData?.files),
        // Files that are dropped are the composer's.
        handleDrop: (_view, event) => (event.dataTransfer?.files.length ?? 0) > 0,
      },
      onUpdate: ({ editor: changed }) => onUpdate(changed as Editor),
    });
    start(made);
    setEditor(made);
    return () => made.destroy();
  }, []);

  const rewrite = useEffectEvent(() => editor?.commands.setContent(content(), { emitUpdate: false }));
  const shown = useRef(props.revision);
  useEffect(() => {
    if (shown.current !== props.revision) {
      shown.current = props.revision;
      rewrite();
    }
  }, [props.revision]);

  useImperativeHandle(props.ref, () => ({ focus: () => editor?.view.focus() }), [editor]);

  const { label, placeholder } = props;
  useEffect(() => {
    const field = editor?.view.dom;
    field?.setAttribute("aria-label", label);
    field?.setAttribute("aria-placeholder", placeholder);
  }, [editor, label, placeholder]);

  return (
    <>
      <div className="relative min-w-0">
        {props.text === "" && props.html === null && (
          <span aria-hidden className="pointer-events-none absolute inset-x-4 top-2 truncate text-ink-faint">
            {placeholder}
          </span>
        )}
        <div ref={place} className="contents" />
      </div>
      {editor && props.toolbar && createPortal(<ReplyToolbar editor={editor} />, props.toolbar)}
    </>
  );
}
