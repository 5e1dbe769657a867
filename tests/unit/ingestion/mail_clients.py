"""Mails as mail programs write them: the same answer in the structure, the HTML and the words of each."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any

DESK = "support@desk.example"
COLLEAGUE = "kollege@example.net"
PARENT = "parent-1@desk.example"

Words = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What somebody writes now, and the message of the desk that it answers."""

    words: Words
    new: str
    quoted: str

    @property
    def attributed(self) -> Mapping[str, str]:
        """Who wrote what is quoted."""
        return {"name": self.words["agent"], "address": DESK}

    def attribution(self, client: str) -> str:
        """The line above the quotation."""
        line: str = self.words[client]
        return line.format(**self.attributed)

    def head(self, *, bold: str = "", name: str = "", address: str = DESK) -> str:
        """The head above the quotation, as Outlook writes it."""
        colon = "：" if self.words.get("wide") else self.words.get("colon", ":")
        values = (f"{name or self.words['agent']} <{address}>", self.words["date"], COLLEAGUE, self.words["subject"])
        labels = self.words["labels"]
        return "\n".join(f"{bold}{label}{colon}{bold} {value}" for label, value in zip(labels, values, strict=True))


def marked(text: str) -> str:
    """Every line after a `>`."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def html(text: str) -> str:
    """Lines as HTML."""
    return escape(text).replace("\n", "<br>")


def _head_html(answer: Answer) -> str:
    lines = (line.partition("：" if answer.words.get("wide") else ":") for line in answer.head().split("\n"))
    return "<br>".join(f"<b>{escape(label + colon)}</b>{escape(value)}" for label, colon, value in lines)


def gmail(answer: Answer) -> tuple[str, str]:
    """Plain text and HTML of Gmail, which wraps the plain one."""
    line = answer.attribution("gmail")
    wrapped = "\n".join(textwrap.wrap(line, 76, break_long_words=False, break_on_hyphens=False))
    plain = f"{answer.new}\n\n{wrapped}\n\n{marked(answer.quoted)}\n"
    rich = (
        f'<div dir="ltr">{html(answer.new)}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" '
        f'class="gmail_attr">{html(line)}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;'
        f'border-left:1px solid rgb(204,204,204);padding-left:1ex">{html(answer.quoted)}</blockquote></div>'
    )
    return plain, rich


def gmail_inline(answer: Answer, second: str) -> tuple[str, str]:
    """An answer to each half of what is quoted."""
    line = answer.attribution("gmail")
    first_half, _, second_half = answer.quoted.partition("\n")
    plain = f"{line}\n\n{marked(first_half)}\n\n{answer.new}\n\n{marked(second_half)}\n\n{second}\n"
    quote = '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">'
    rich = (
        f'<div dir="ltr"><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{html(line)}<br></div>{quote}'
        f"{html(first_half)}</blockquote><div>{html(answer.new)}</div>{quote}{html(second_half)}</blockquote>"
        f"<div>{html(second)}</div></div></div>"
    )
    return plain, rich


def iphone(answer: Answer) -> tuple[str, str]:
    """Apple Mail on a telephone: the attribution is part of what is quoted."""
    line, sent = answer.attribution("apple"), answer.words["sent_from"]
    plain = f"{answer.new}\n\n{sent}\n\n{marked(line)}\n> \n{marked(answer.quoted)}\n"
    rich = (
        f'<html><body dir="auto">{html(answer.new)}<br><br><div dir="ltr">{html(sent)}</div><div dir="ltr"><br>'
        f'<blockquote type="cite">{html(line)}<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">'
        f"{html(answer.quoted)}</div></blockquote></body></html>"
    )
    return plain, rich


def apple(answer: Answer) -> tuple[str, str]:
    """Apple Mail on a desk."""
    line = answer.attribution("apple")
    plain = f"{answer.new}\n\n{line}\n\n{marked(answer.quoted)}\n"
    rich = (
        f'<html><body style="overflow-wrap: break-word;">{html(answer.new)}<br><div><br><blockquote type="cite"><div>'
        f'{html(line)}</div><br class="Apple-interchange-newline"><div>{html(answer.quoted)}</div></blockquote></div>'
    )
    return plain, rich


def outlook(answer: Answer) -> tuple[str, str]:
    """Outlook on a desk: the head stands there without any mark in plain text."""
    plain = f"{answer.new}\n\n{answer.head()}\n\n{answer.quoted}\n"
    rich = (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0}</style></head>'
        f'<body><div class="WordSection1"><p class="MsoNormal">{html(answer.new)}<o:p></o:p></p>'
        '<p class="MsoNormal">&nbsp;</p>'
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal">'
        f'{_head_html(answer)}<o:p></o:p></p></div></div><p class="MsoNormal">{html(answer.quoted)}</p></div></body>'
    )
    return plain, rich


def outlook_web(answer: Answer, app: str = "") -> tuple[str, str]:
    """Outlook in the browser, or on a telephone with the line that names the program."""
    above = f"{answer.new}\n\n{app}" if app else answer.new
    plain = f"{above}\n{'_' * 32}\n{answer.head()}\n\n{answer.quoted}\n"
    named = f'<div id="ms-outlook-mobile-signature">{html(app.partition("<")[0])}</div>' if app else ""
    rich = (
        f'<body dir="ltr"><div class="elementToProof">{html(answer.new)}</div>{named}<div id="appendonsend"></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri">{_head_html(answer)}</font><div>&nbsp;</div></div>'
        f"<div>{html(answer.quoted)}</div></body>"
    )
    return plain, rich


def original_message(answer: Answer, dashes: str, space: str = "") -> str:
    """Older Outlook, and telephones: a line of dashes and words above the head."""
    above = f"{dashes}{space}{answer.words['original']}{space}{dashes}"
    return f"{answer.new}\n\n{above}\n{answer.head()}\n\n{answer.quoted}\n"


def starred(answer: Answer) -> str:
    """Plain text made of HTML, where the labels were bold."""
    return f"{answer.new}\n\n\n{answer.head(bold='*')}\n\n\n{answer.quoted}\n"


def thunderbird(answer: Answer, signature: str) -> tuple[str, str]:
    """The answer below what it answers, with a signature."""
    line = answer.attribution("thunderbird")
    plain = f"{line}\n{marked(answer.quoted)}\n\n{answer.new}\n\n-- \n{signature}\n"
    rich = (
        f'<html><body><div class="moz-cite-prefix">{html(line)}<br></div><blockquote type="cite" cite="mid:{PARENT}">'
        f'<p>{html(answer.quoted)}</p></blockquote><p>{html(answer.new)}</p><div class="moz-signature">-- <br>'
        f"{html(signature)}</div></body></html>"
    )
    return plain, rich


def yahoo(answer: Answer) -> tuple[str, str]:
    """Yahoo: the quotation is indented, not marked."""
    line = answer.attribution("yahoo")
    indented = textwrap.indent(answer.quoted, "  ")
    plain = f" {answer.new}\n\n    {line}  \n \n{indented}\n"
    rich = (
        f'<div class="ydp1yahoo-style-wrap"><div>{html(answer.new)}</div><div><br></div></div><div id="yahoo_quoted_7" '
        f'class="yahoo_quoted"><div><div>{html(line)}</div><div><br></div><div>{html(answer.quoted)}</div></div></div>'
    )
    return plain, rich


def proton(answer: Answer) -> tuple[str, str]:
    """Proton Mail, with the line that names it."""
    line = answer.attribution("gmail")
    plain = (
        f"{answer.new}\n\nSent with [Proton Mail](https://proton.example/mail) secure email.\n\n{line}\n\n"
        f"{marked(answer.quoted)}\n"
    )
    rich = (
        f'<div>{html(answer.new)}</div><div class="protonmail_signature_block"><div class="protonmail_signature_block'
        '-proton">Sent with <a href="https://proton.example/mail">Proton Mail</a> secure email.</div></div><div '
        f'class="protonmail_quote">{html(line)}<br><blockquote class="protonmail_quote" type="cite">'
        f"{html(answer.quoted)}</blockquote></div>"
    )
    return plain, rich


def mail(
    subject: str,
    plain: str | None = None,
    rich: str | None = None,
    *,
    sender: tuple[str, str],
    to: str = DESK,
    above: Mapping[str, str] | None = None,
    charset: str = "utf-8",
) -> bytes:
    """The raw mail. `above` are header fields that it has besides."""
    message = EmailMessage(policy=SMTP)
    for name, value in (above or {}).items():
        message[name] = value
    message["From"] = f'"{sender[0]}" <{sender[1]}>'
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Thu, 05 Mar 2026 15:20:00 +0100"
    message["Message-ID"] = "<answer-1@example.org>"
    if plain is not None:
        message.set_content(plain, charset=charset)
        if rich is not None:
            message.add_alternative(rich, subtype="html")
    elif rich is not None:
        message.set_content(rich, subtype="html")
    return bytes(message)
