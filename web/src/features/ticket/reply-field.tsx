import {
  type ComponentType,
  type KeyboardEvent as ReactKeyboardEvent,
  type Ref,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
} from "react";
import { flushSync } from "react-dom";

export const FIELD =
  "block max-h-60 min-h-20 w-full overflow-y-auto bg-transparent px-4 py-2 text-base break-words outline-none";

export interface FieldHandle {
  focus: () => void;
}

export interface ReplyFieldProps {
  ref: Ref<FieldHandle>;
  text: string;
  html: string | null;
  /** Counts the times the text was put there by anything but typing. */
  revision: number;
  label: string;
  placeholder: string;
  isReadOnly: boolean;
  /** Where the editor's buttons go, once it is there. */
  toolbar: HTMLElement | null;
  onChange: (text: string, html: string | null) => void;
  onKeyDown: (event: KeyboardEvent | ReactKeyboardEvent, isLineStart: boolean) => void;
  onFiles: (files: FileList) => void;
}

type EditorComponent = ComponentType<ReplyFieldProps & { selection: { from: number; to: number } | null }>;

let loaded: EditorComponent | null = null;

/**
 * Where a reply is written: a plain field that takes what is typed from the first moment, until the editor is there and
 * takes over text, selection and focus between two keys.
 */
export function ReplyField(props: ReplyFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const selection = useRef<{ from: number; to: number } | null>(null);
  const isComposing = useRef(false);
  const [Editor, setEditor] = useState<EditorComponent | null>(() => loaded);

  useEffect(() => {
    if (loaded !== null) {
      return;
    }
    let isHere = true;
    const takeOver = () => {
      const plain = field.current;
      if (isHere && loaded !== null) {
        if (plain !== null && document.activeElement === plain) {
          selection.current = { from: plain.selectionStart, to: plain.selectionEnd };
        }
        // At once: whatever is typed next must find the editor with the focus.
        flushSync(() => setEditor(() => loaded));
      }
    };
    import("./reply-editor.tsx").then(
      (module) => {
        loaded = module.default;
        if (isComposing.current) {
          field.current?.addEventListener("compositionend", () => setTimeout(takeOver), { once: true });
        } else {
          takeOver();
        }
      },
      // Without the editor one writes plain text.
      () => undefined,
    );
    return () => {
      isHere = false;
    };
  }, []);

  if (Editor !== null) {
    return <Editor {...props} selection={selection.current} />;
  }
  return <PlainField {...props} field={field} isComposing={isComposing} />;
}

interface PlainFieldProps extends ReplyFieldProps {
  field: RefObject<HTMLTextAreaElement | null>;
  isComposing: RefObject<boolean>;
}

function PlainField({ ref, field, isComposing, ...props }: PlainFieldProps) {
  useImperativeHandle(ref, () => ({ focus: () => field.current?.focus() }), [field]);
  return (
    <textarea
      ref={field}
      dir="auto"
      rows={3}
      value={props.text}
      readOnly={props.isReadOnly}
      aria-label={props.label}
      placeholder={props.placeholder}
      onChange={(event) => props.onChange(event.target.value, null)}
      onKeyDown={(event) => props.onKeyDown(event, isLineStart(event.currentTarget))}
      onCompositionStart={() => {
        isComposing.current = true;
      }}
      onCompositionEnd={() => {
        isComposing.current = false;
      }}
      onPaste={(event) => {
        if (event.clipboardData.files.length > 0) {
          event.preventDefault();
          props.onFiles(event.clipboardData.files);
        }
      }}
      className={`${FIELD} field-sizing-content resize-none placeholder:text-ink-faint`}
    />
  );
}

/** Whether the caret stands where a line begins. */
export function isLineStart({ selectionStart: at, selectionEnd, value }: HTMLTextAreaElement): boolean {
  return at === selectionEnd && (at === 0 || value[at - 1] === "\n");
}
