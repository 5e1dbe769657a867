import { createElement, Fragment, type ReactNode } from "react";
import "./rich.css";

const TAGS = new Set(["p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a", "blockquote", "code"]);
const LINK = /^(https?:\/\/|mailto:|tel:)/i;
const ADDRESS = /(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]}])/gi;

/**
 * What an agent wrote: formatted where they formatted it.
 *
 * No markup is handed to the browser to be shown. It is read by an inert parser, and the few elements that replies may
 * have are made anew, without attributes but a link's address; of anything else only the text is shown.
 */
export function RichText({ text, html }: { text: string; html: string | null }) {
  if (html === null) {
    return (
      <div dir="auto" className="break-words whitespace-pre-wrap">
        {linked(text)}
      </div>
    );
  }
  const { body } = new DOMParser().parseFromString(html, "text/html");
  return (
    <div dir="auto" className="rich break-words">
      {children(body)}
    </div>
  );
}

function children(parent: Node): ReactNode[] {
  // Nodes have no names; their places do not change.
  return Array.from(parent.childNodes, (node, at) => <Fragment key={String(at)}>{shown(node)}</Fragment>);
}

function shown(node: Node): ReactNode {
  if (!(node instanceof Element)) {
    return node.nodeType === Node.TEXT_NODE ? node.textContent : null;
  }
  const tag = node.localName;
  if (tag === "br") {
    return <br />;
  }
  if (tag === "a") {
    const href = node.getAttribute("href") ?? "";
    return LINK.test(href) ? <Link href={href}>{children(node)}</Link> : children(node);
  }
  return TAGS.has(tag)
    ? createElement(tag, null, ...children(node))
    : ["script", "style"].includes(tag)
      ? null
      : children(node);
}

/** Plain text in which web addresses can be followed. */
export function linked(text: string): ReactNode[] {
  return text.split(ADDRESS).map((part, at) =>
    at % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have nothing but their place
      <Link key={at} href={part}>
        {part}
      </Link>
    ) : (
      part
    ),
  );
}

function Link({ href, children: content }: { href: string; children: ReactNode }) {
  return (
    <a
      href={href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      className="text-accent underline underline-offset-2"
    >
      {content}
    </a>
  );
}
