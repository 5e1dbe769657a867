"""Mails that nobody wrote: real ones, damaged by chance, and those that were made to take time or memory."""

import base64
from collections.abc import Callable, Iterator
from random import Random

HEAD = b"From: a@b.example\nTo: d@e.example\nSubject: Re: x\nReferences: <a@b>\n"
HTML = HEAD + b"Content-Type: text/html\n\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=q\n\n"
CHARSETS = (b"utf-7", b"hz", b"iso-2022-jp", b"utf-16", b"utf-32", b"punycode", b"idna", b"zip", b"gb18030", b"cp037")
LINES = (
    b"Content-Type: multipart/mixed; boundary=q",
    b"Content-Type: multipart/alternative; boundary=\"q\"; boundary*0*=utf-8''%71",
    b"Content-Type: message/rfc822",
    b"Content-Type: text/html; charset=",
    b"Content-Type: application/ms-tnef; name=winmail.dat",
    b"Content-Type: text/calendar; method=REQUEST",
    b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data",
    b"Content-Type: multipart/report; report-type=delivery-status",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Transfer-Encoding: x-uuencode",
    b"Content-Disposition: attachment; filename*0*=utf-8''%E4; filename*9*=%00",
    b"Subject: =?utf-8?b?w7w=?= =?iso-2022-jp?b?GyRC?= =?x?q?=00?=",
    b'From: "(" <(((a@b.example>, c <d@e.example>',
    b"References: <" + b"a" * 300 + b"> <b@c> <",
    b'BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID="x":99999999T999999Z',
    b"-----BEGIN PGP MESSAGE-----",
    b"--q",
    b"--q--",
    b"",
)

Mutation = Callable[[Random, bytes, list[bytes]], bytes]


def _flip(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(mail)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    begin, end = sorted((random.randrange(len(mail)), random.randrange(len(mail))))
    return mail[:begin] + mail[end:] if random.random() < 0.5 else mail[: end + 1]


def _repeat(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    at = random.randrange(len(mail))
    piece = mail[at : at + random.choice((1, 1, 2, 7, 80, 2_000))]
    return mail[:at] + piece * random.choice((2, 50, 1_000, 200_000 // len(piece))) + mail[at:]


def _lines(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    lines = mail.split(b"\n")
    for _ in range(random.randint(1, 5)):
        lines.insert(min(random.randrange(len(lines) + 1), random.randrange(60)), random.choice(LINES))
    return b"\n".join(lines)


def _nest(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    for level in range(random.randint(1, 25)):
        if random.random() < 0.5:
            mail = HEAD + b"Content-Type: message/rfc822\n\n" + mail
        else:
            mail = HEAD + b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n%s\n--n%d--\n" % (
                level,
                level,
                mail,
                level,
            )
    return mail


def _charset(random: Random, mail: bytes, _: list[bytes]) -> bytes:
    head = HEAD + b"Content-Type: text/plain; charset=" + random.choice(CHARSETS)
    return head + b"\n\n" + mail[random.randrange(len(mail)) :]


def _splice(random: Random, mail: bytes, others: list[bytes]) -> bytes:
    other = random.choice(others)
    return mail[: random.randrange(len(mail))] + other[random.randrange(len(other)) :]


def _lines_of_another(random: Random, mail: bytes, others: list[bytes]) -> bytes:
    lines, other = mail.split(b"\n"), random.choice(others).split(b"\n")
    at, begin = random.randrange(len(lines)), random.randrange(len(other))
    return b"\n".join([*lines[:at], *other[begin : begin + 30], *lines[at:]])


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _repeat, _lines, _nest, _charset, _splice, _lines_of_another)


def damaged(random: Random, mails: list[bytes]) -> bytes:
    """One of the mails, changed in one to three ways; at most 4 MB."""
    mail = random.choice(mails)
    for mutation in random.choices(MUTATIONS, k=random.randint(1, 3)):
        mail = mutation(random, mail or b"\n", mails)[: 4 * 1024 * 1024]
    return mail


def made(size: int) -> Iterator[tuple[str, bytes]]:
    """Mails that each try one thing, as large as `size` where size is what they try."""
    part = min(size, 500_000)
    block = base64.encodebytes(bytes(range(256)) * 4 * 1024) * (size // 1_400_000 + 1)
    yield "a large file", MIXED + b"--q\nContent-Type: a/b; name=z\nContent-Transfer-Encoding: base64\n\n" + block
    yield (
        "a large mail in a mail",
        HEAD + b"Content-Type: message/rfc822\n\n" + MIXED + b"--q\nContent-Type: a/b\n\n" + block,
    )
    yield "a long text", HEAD + b"\n" + b"text of a line\n" * (size // 15)
    yield "one line", HEAD + b"\n" + b"x" * size
    yield "blank lines", HEAD + b"\n" + b"\n" * size
    yield "carriage returns", HEAD + b"\n" + b"\r" * size
    yield "nearly boundaries", MIXED + b"-q\n" * (size // 3)
    yield "base64 of blanks", HEAD + b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + b" \n" * (size // 2)
    yield "base64 of none", HEAD + b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + b"*=&\n" * (size // 4)
    quoted = b"Content-Transfer-Encoding: quoted-printable\n\n"
    yield "quoted-printable", HEAD + b"Content-Type: a/b\n" + quoted + b"=41=C3=BC=\n" * (size // 11)
    parts = [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(1_000)]
    yield "1,000 nested multiparts", HEAD + b"".join(parts) + b"\nhi"
    yield "18 nested multiparts", HEAD + b"".join(parts[:18]) + b"Content-Type: a/b\n\n" + b"- text\n" * (size // 7)
    yield "1,000 nested mails", (HEAD + b"Content-Type: message/rfc822\n\n") * 1_000
    yield "many parts with long headers", MIXED + (b"--q\n" + b"X-A: b\n" * 6_000 + b"\nhi\n") * (size // 42_000 + 1)
    yield (
        "50,000 recipients",
        b"To: " + b", ".join(b"u%d@x.example" % n for n in range(50_000)) + b"\n" + HEAD + b"\nhi",
    )
    yield "nested comments", b"From: " + b"(" * 200_000 + b"a@b.example\n\nhi"
    yield "blanks in a subject", b"Subject: Re:" + b" " * 200_000 + b"x\n" + HEAD + b"\nhi"
    yield "blanks in a text", HEAD + b"\nhi" + b" " * 500_000 + b"x\n" + b" \n" * (part // 2)
    yield "encoded words", b"Subject: " + b"=?utf-8?b?w7w=?= " * 12_000 + b"\n" + HEAD + b"\nhi"
    names = b'--q\nContent-Type: a/b; name="' + b"=?utf-8?b?w7w=?= " * 3_000 + b'"\n\nhi\n'
    yield "encoded words in names", MIXED + names * (part // 10_400 + 1)
    for name, what in (("parameters", b"; p=v"), ("semicolons", b";"), ("continuations", b"; name*1*=%41")):
        yield name, HEAD + b"Content-Type: text/plain" + what * (200_000 // len(what)) + b"\n\nhi"
    yield "an open quotation mark", HEAD + b'Content-Type: text/plain; x="' + b";" * 200_000 + b"\n\nhi"
    for charset in CHARSETS:
        text = b"a-~{\x1b$B\xe4\xff+AGE" * (part // 12)
        yield f"charset {charset.decode()}", HEAD + b"Content-Type: text/plain; charset=" + charset + b"\n\n" + text
    elements = (b"<div>", b"<table><tr><td>", b"<b><p>", b"<a href=x>", b"<b><i><u><p></b></i></u>", b"<", b"<!--")
    others = (b'<a "', b"&amp;", b"<ul><li>", b"<td>x", b"<blockquote type=cite>", b"<pre>\n", b"<a href='")
    for element in (*elements, *others):
        yield f"HTML of {element.decode()}", HTML + element * (part // len(element))
    yield "attributes", HTML + b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">x"
    yield "large spans", HTML + b"<table><tr><td colspan=1000000000 rowspan=10000000>x"
    texts = b"--q\nContent-Type: text/html\n\n" + b"<p>hello <b>you</b></p>\n" * (part // 24)
    yield "long texts", MIXED + texts * (size // len(texts) + 1)
    yield "quotations", HEAD + b"\n" + b"> " * 4_000 + b"\n" + b"On Monday Bob wrote:\n" * (part // 55)
    yield "heads of messages", HEAD + b"\n" + b"From: a\nSent: b\nTo: c\nSubject: d\n\n" * 2_400
    for name, line in (
        ("long", b"12/3 a@b " * 32),
        ("of words", b"ha es 10:30 1/2 " * 5),
        ("one word", b"1/2" + b"a" * 160),
    ):
        yield f"lines that may tell who wrote, {name}", HEAD + b"\n" + (line + b":\n") * 499
        yield f"many lines that may tell who wrote, {name}", HEAD + b"\n" + (line + b":\n") * (part // len(line))
    report = b"Content-Type: multipart/report; report-type=delivery-status; boundary="
    yield "a long boundary of a report", HEAD + report + b"()" * 60_000 + b"\n\nhi"
    yield "Message-IDs", b"References: " + b"<a@" * 60_000 + b"\n" + HEAD + b"\nhi"
