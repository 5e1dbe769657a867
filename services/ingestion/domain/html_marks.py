"""What mail programs say in their HTML of quotation, of heads of messages and of signatures, in any language.

It becomes what plain text has for it: `>` before a line, a drawn line above a head, `--` above a signature.
"""

import re

MARKED_TAGS = ("div", "blockquote", "hr", "p", "span")
MARKED_ATTRIBUTES = {"class", "id", "type", "style", "data-marker"}
# What Outlook draws above the head of what it quotes, in plain text.
HEAD_RULE = "_" * 32

# Of Gmail, Apple Mail, Thunderbird, Proton and those that write like them.
_QUOTATION = re.compile(r"^cite$|gmail_quote|protonmail_quote|zmail_extra|moz-cite|ydp\w*yahoo_quoted")
_SIGNATURE = re.compile(
    r"gmail_signature(?!_)|moz-signature|^signature$|protonmail_signature_block\b|ms-outlook-mobile-sig"
)
# Of Outlook in the browser, on telephones and on desks, and of Zimbra.
_HEAD = re.compile(
    r"divrplyfwdmsg|appendonsend|mail-editor-reference-message|__divider__|zwchr"
    r"|border:none; ?border-top: ?solid #(?:e1e1e1|b5c4df)"
)


def mark_of(tag: str, attribute: str, value: str) -> str | None:
    """What an attribute says of its element, if that is anything."""
    value = value.lower()
    if tag == "blockquote" and attribute in {"type", "class"} and _QUOTATION.search(value):
        return "quoted"
    if tag == "div" and attribute in {"class", "id"}:
        if "yahoo_quoted" in value:
            return "quoted"
        if _SIGNATURE.search(value):
            return "signature"
    return "head" if _HEAD.search(value) else None
