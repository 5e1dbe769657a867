"""The labelled set: `tests/data/mail_quality` in the forms that mail programs give it, each with what is right of it.

A third, drawn by `SEED` and an id, is held out: rules are made by looking at the others.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.unit.ingestion import mail_clients as clients
from tests.unit.ingestion.mail_clients import COLLEAGUE, PARENT, Answer, Words, mail, marked

DATA = Path(__file__).resolve().parents[2] / "data" / "mail_quality"
SEED = 20260305
CUSTOMER = "kunde@example.org"
STRANGER = "fremde@example.com"
ORIGINAL = "original@example.com"
TICKET = 4711
# Where a mail is to be sent so that it comes to the address with its sender's token; made when it is judged.
TOKEN_TO = "support+token@desk.example"

_ANSWERS = {"In-Reply-To": f"<{PARENT}>", "References": f"<{PARENT}>"}
_CHARSETS = {
    "ja": "iso-2022-jp",
    "ru": "koi8-r",
    "zh": "gb18030",
    "ar": "windows-1256",
    "ko": "euc-kr",
    "th": "tis-620",
}


@dataclass(frozen=True)
class Labelled:
    """A mail, and what is right of it. `goes` is where it belongs, None where that is not asked."""

    id: str
    language: str
    raw: bytes
    text: str
    quoted: bool = False
    signature: str = ""
    kind: str = "personal"
    original: str | None = None
    goes: str | None = None

    @property
    def held_out(self) -> bool:
        """Whether rules are not made by looking at it; those of others were looked at."""
        return not self.id.startswith("real-") and sha256(f"{SEED} {self.id}".encode()).digest()[0] % 3 == 0


@cache
def labelled() -> tuple[Labelled, ...]:
    """The whole set."""
    return (*_by_language(), *_hard(), *_real())


def _by_language() -> Iterator[Labelled]:
    for path in sorted(DATA.glob("??.json")):
        words = json.loads(path.read_text(encoding="utf-8"))
        yield from _answers(words)
        yield from _passed_on(words)
        yield from _of_machines(words)
        yield from _belonging(words)


def _answers(words: Words) -> Iterator[Labelled]:
    language, person, texts = words["language"], words["person"], words["texts"]
    signature = f"{person}\nExample GmbH\n+49 30 901820"
    reply = f"{words['re']}: {words['subject']}"

    def one(number: int) -> Answer:
        return Answer(words, texts[number % len(texts)], words["quoted"][number % len(words["quoted"])])

    def label(name: str, text: str, parts: tuple[str | None, str | None], **more: Any) -> Labelled:
        charset = more.pop("charset", "utf-8")
        subject = more.pop("subject", reply)
        raw = mail(subject, *parts, sender=(person, CUSTOMER), above=_ANSWERS, charset=charset)
        return Labelled(f"{language}-{name}", language, raw, text, **{"quoted": True, **more})

    first, second = one(0), one(1)
    sent, app = words["sent_from"], words["outlook_app"]
    closed = Answer(words, f"{texts[2]}\n\n{words['closing']}\n{person}", words["quoted"][0])
    yield label("gmail", first.new, clients.gmail(first))
    yield label("gmail-html", second.new, (None, clients.gmail(second)[1]))
    yield label("gmail-inline", f"{texts[3]}\n{texts[1]}", clients.gmail_inline(one(3), texts[1]))
    yield label("gmail-inline-html", f"{texts[3]}\n{texts[1]}", (None, clients.gmail_inline(one(3), texts[1])[1]))
    yield label("iphone", one(4).new, clients.iphone(one(4)), signature=sent)
    yield label("iphone-html", one(5).new, (None, clients.iphone(one(5))[1]), signature=sent)
    yield label("apple", closed.new, clients.apple(closed))
    yield label("outlook", closed.new, clients.outlook(closed))
    yield label("outlook-html", one(2).new, (None, clients.outlook(one(2))[1]))
    yield label("outlook-web", first.new, clients.outlook_web(first))
    yield label("outlook-mobile", second.new, clients.outlook_web(second, app), signature=app)
    yield label("outlook-mobile-html", one(4).new, (None, clients.outlook_web(one(4), app)[1]))
    yield label("outlook-old", one(5).new, (clients.original_message(one(5), "-----"), None))
    yield label(
        "samsung",
        one(3).new,
        (clients.original_message(one(3), "--------", " "), None),
    )
    yield label("starred", one(2).new, (clients.starred(one(2)), None))
    charset = _CHARSETS.get(language, "utf-8")
    below = (clients.thunderbird(first, signature)[0], None)
    yield label("thunderbird", first.new, below, signature=signature, charset=charset)
    yield label("thunderbird-html", second.new, (None, clients.thunderbird(second, signature)[1]), signature=signature)
    yield label("yahoo", one(4).new, clients.yahoo(one(4)))
    yield label("yahoo-html", one(5).new, (None, clients.yahoo(one(5))[1]))
    yield label("proton", second.new, clients.proton(second))
    signed = f"{texts[0]}\n\n-- \n{signature}\n"
    yield label("signed", texts[0], (signed, None), signature=signature)
    yield label("plain", closed.new, (closed.new, None), quoted=False)


def _passed_on(words: Words) -> Iterator[Labelled]:
    language, body = words["language"], words["texts"][0]
    answer = Answer(words, body, words["quoted"][0])
    subject, date, topic, sent, of, to = words["subject"], words["date"], *words["forward_labels"]
    colon = "：" if words.get("wide") else words.get("colon", ":")

    def label(name: str, prefix: str, plain: str, *, original: str | None = ORIGINAL) -> Labelled:
        raw = mail(f"{prefix}: {subject}", plain, sender=("Kim", COLLEAGUE))
        return Labelled(f"{language}-{name}", language, raw, plain.strip("\n"), kind="forwarded", original=original)

    person, fwd = words["person"], words["fwd"]
    told = [
        f"{of}{colon} {person} <{ORIGINAL}>",
        f"{sent}{colon} {date}",
        f"{topic}{colon} {subject}",
        f"{to}{colon} <{COLLEAGUE}>",
    ]
    gmail = f"{words['texts'][1]}\n\n---------- {words['forwarded']} ---------\n" + "\n".join(told) + f"\n\n\n{body}\n"
    yield label("gmail-forward", fwd, gmail)
    yield label("outlook-forward", words["outlook_fwd"], f"{answer.head(name=person, address=ORIGINAL)}\n\n{body}\n")
    of_apple = "\n".join([told[0], told[2], told[1], told[3]])
    apple = f"{words['apple_forward']}\n\n{marked(of_apple)}\n> \n{marked(body)}\n"
    yield label("apple-forward", fwd, apple)
    mozilla = "\n".join([told[2], told[1], told[0], told[3]])
    yield label("thunderbird-forward", fwd, f"\n\n\n-------- {words['forwarded']} --------\n{mozilla}\n\n\n{body}\n")
    yield _attached(words)
    # An answer to what was forwarded is nobody's forwarded mail.
    quoted = f"{words['texts'][3]}\n\n{answer.attribution('gmail')}\n\n{marked(gmail)}\n"
    raw = mail(f"{words['re']}: {fwd}: {subject}", quoted, sender=("Kim", CUSTOMER), above=_ANSWERS)
    yield Labelled(f"{language}-forward-answered", language, raw, words["texts"][3], quoted=True)


def _attached(words: Words) -> Labelled:
    language = words["language"]
    inner = EmailMessage()
    inner["From"], inner["To"] = f'"{words["person"]}" <{ORIGINAL}>', COLLEAGUE
    inner["Subject"] = words["subject"]
    inner.set_content(words["texts"][0])
    outer = EmailMessage()
    outer["From"], outer["To"] = f"Kim <{COLLEAGUE}>", clients.DESK
    outer["Subject"], outer["Message-ID"] = f"{words['fwd']}: {words['subject']}", "<forward-1@example.net>"
    outer.set_content("\n")
    outer.add_attachment(inner)
    return Labelled(f"{language}-attached-forward", language, bytes(outer), "", kind="forwarded", original=ORIGINAL)


def _of_machines(words: Words) -> Iterator[Labelled]:
    language, person = words["language"], words["person"]
    away = words["away"].format(subject=words["subject"])

    def label(name: str, kind: str, subject: str, text: str, above: dict[str, str], **more: Any) -> Labelled:
        raw = mail(subject, text, sender=(more.pop("name", person), more.pop("sender", CUSTOMER)), above=above)
        return Labelled(f"{language}-{name}", language, raw, text, kind=kind)

    exchange = {"Return-Path": "<>", "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", **_ANSWERS}
    yield label("away-exchange", "auto_reply", away, words["away_text"], exchange)
    yield label(
        "away-sieve",
        "auto_reply",
        f"Auto: {words['subject']}",
        words["away_text"],
        {"Auto-Submitted": "auto-replied (vacation)", **_ANSWERS},
    )
    yield label(
        "away-program", "auto_reply", words["subject"], words["away_text"], {"X-Autoreply": "yes", "Precedence": "bulk"}
    )
    yield label("away-weak", "auto_reply", away, words["away_text"], {"Precedence": "junk"})
    yield label("away-answer", "auto_reply", away, words["away_text"], dict(_ANSWERS))
    yield label("away-asked", "personal", words["asks"], words["asks_text"], {})
    yield label("away-answered", "personal", f"{words['re']}: {away}", words["asks_text"], dict(_ANSWERS))
    yield label(
        "news",
        "list",
        words["news"],
        words["news_text"],
        {"List-Unsubscribe": "<mailto:off@news.example>", "Feedback-ID": "1:news"},
        sender="news@news.example",
    )
    yield label(
        "list", "list", words["asks"], words["asks_text"], {"List-Id": "<users.lists.example>", "Precedence": "list"}
    )
    yield label(
        "notice",
        "automatic",
        words["notice"],
        words["notice_text"],
        {"Auto-Submitted": "auto-generated"},
        sender="bank@example.com",
    )
    yield label(
        "notice-suppressing",
        "automatic",
        words["notice"],
        words["notice_text"],
        {"X-Auto-Response-Suppress": "OOF, AutoReply"},
        sender="bank@example.com",
    )
    bounce = words["bounce"].format(subject=words["subject"])
    yield label(
        "bounce-bare",
        "delivery_report",
        bounce,
        words["bounce_text"],
        {"Return-Path": "<>"},
        sender="mailer-daemon@mx.example.net",
    )
    yield label(
        "bounce-exim",
        "delivery_report",
        bounce,
        words["bounce_text"],
        {"X-Failed-Recipients": CUSTOMER},
        sender="mailer-daemon@mx.example.net",
    )
    yield _report(
        words, "bounce", "delivery-status", "message/delivery-status", bounce, words["bounce_text"], "delivery_report"
    )
    yield _report(
        words,
        "receipt",
        "disposition-notification",
        "message/disposition-notification",
        words["subject"],
        words["away_text"],
        "auto_reply",
    )


def _report(
    words: Words, name: str, report_type: str, content_type: str, subject: str, text: str, kind: str
) -> Labelled:
    about = "Final-Recipient: rfc822; gone@example.net\nAction: failed\nStatus: 5.1.1\n"
    fields = f"Reporting-MTA: dns; mx.example.net\n\n{about}"
    start = mail(subject, None, sender=("Mail", "postmaster@mx.example.net"), above={"Auto-Submitted": "auto-replied"})
    head = start.rstrip().replace(b"\r\n", b"\n").decode()
    raw = (
        f'{head}\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type={report_type}; boundary="r1"\n\n'
        f"--r1\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n\n"
        f"--r1\nContent-Type: {content_type}\n\n{fields}\n--r1--\n"
    )
    return Labelled(f"{words['language']}-{name}", words["language"], raw.encode(), text, kind=kind)


def _belonging(words: Words) -> Iterator[Labelled]:
    """What a mail answers, who sends it, and what their server says; and where it belongs."""
    language, text = words["language"], words["texts"][1]
    passed = "mx.desk.example; dmarc=pass header.from={domain}"
    failed = "mx.desk.example; dmarc=fail header.from={domain}"
    tagged = f"{words['re']}: {words['subject']} [#{TICKET}]"
    token: dict[str, str] = {}

    def label(name: str, goes: str, sender: str, above: dict[str, str], *, result: str = "", **more: Any) -> Labelled:
        result = result.format(domain=sender.rpartition("@")[2])
        above = {**({"Authentication-Results": result} if result else {}), **above}
        subject, to = more.pop("subject", f"{words['re']}: {words['subject']}"), more.pop("to", clients.DESK)
        raw = mail(subject, text, sender=("Kim", sender), to=to, above=above)
        return Labelled(f"{language}-{name}", language, raw, text, goes=goes, **more)

    automatic = {"Auto-Submitted": "auto-replied"}
    yield label("to-token", "join", CUSTOMER, token, to=TOKEN_TO)
    yield label("to-token-failed", "review", CUSTOMER, token, to=TOKEN_TO, result=failed)
    yield label("to-token-stranger", "new", STRANGER, token, to=TOKEN_TO)
    yield label("to-token-automatic", "hold", CUSTOMER, automatic, to=TOKEN_TO, kind="auto_reply")
    yield label("to-reference", "join", CUSTOMER, _ANSWERS)
    yield label("to-reference-stranger", "review", STRANGER, _ANSWERS, result=passed)
    yield label("to-reference-failed", "review", CUSTOMER, _ANSWERS, result=failed)
    yield label("to-tag", "join", CUSTOMER, token, subject=tagged, result=passed)
    yield label("to-tag-unproven", "review", CUSTOMER, token, subject=tagged)
    yield label("to-tag-stranger", "review", STRANGER, token, subject=tagged, result=passed)
    yield label("to-nothing", "new", CUSTOMER, token, subject=words["subject"])


def _hard() -> Iterator[Labelled]:
    """Mails that each have a trap of their own."""
    for document in json.loads((DATA / "hard.json").read_text(encoding="utf-8")):
        above = {**(_ANSWERS if document.get("answers", True) else {}), **document.get("above", {})}
        sender = ("Kim", document.get("sender", CUSTOMER))
        raw = mail(
            document.get("subject", "Re: 4711"), document.get("body"), document.get("html"), sender=sender, above=above
        )
        yield Labelled(
            f"hard-{document['id']}",
            document["language"],
            raw,
            document.get("text", document.get("body", "")),
            quoted=document.get("quoted", "text" in document),
            kind=document.get("kind", "personal"),
            original=document.get("original"),
        )


def _real() -> Iterator[Labelled]:
    """Answers that programs of others wrote."""
    expected = json.loads((DATA / "real" / "expected.json").read_text(encoding="utf-8"))
    for name, document in expected.items():
        raw = (DATA / "real" / name).read_bytes()
        if name.endswith(".txt"):
            raw = mail("Re: 4711", raw.decode(), sender=("Kim", CUSTOMER), above=_ANSWERS)
        yield Labelled(f"real-{name}", document["language"], raw, document["text"], quoted=True)
