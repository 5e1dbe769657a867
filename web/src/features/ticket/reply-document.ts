import type { JSONContent } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";

/**
 * Plain text as a document of the editor: blank lines part paragraphs, the other line ends stay.
 *
 * A place in the text is one less than the same place in the document: what opens the first paragraph counts there, and
 * the two line ends between paragraphs are as long as what closes one and opens the next.
 */
export function documentOf(text: string): JSONContent {
  return {
    type: "doc",
    content: text.split("\n\n").map((paragraph) => ({
      type: "paragraph",
      content: paragraph
        .split("\n")
        .flatMap((line, at) => [
          ...(at > 0 ? [{ type: "hardBreak" }] : []),
          ...(line === "" ? [] : [{ type: "text", text: line }]),
        ]),
    })),
  };
}

export const BLOCK_SEPARATOR = "\n\n";

/** Whether the text alone says all that is in the document. */
export function isPlain(document: Node): boolean {
  let plain = true;
  document.descendants((node) => {
    plain &&= ["paragraph", "hardBreak", "text"].includes(node.type.name) && node.marks.length === 0;
    return plain;
  });
  return plain;
}
