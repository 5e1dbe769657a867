"""The program of a parser process: mails in on standard input, results out on standard output.

Started by `parsing` as `python -m services.ingestion.parser_process <memory MiB> <CPU seconds>`. A request is a line
`<size> <what> <size of keys>`, the mail and the keys; an answer is a JSON header with its length before it, then the
attachments' bytes. Keys come this way alone, and after a mail that private ones came with the process ends.
"""

import json
import resource
import signal
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from services.ingestion.domain.mail import KeyRejectedError, MailKeys, MailRejected, ParsedMail, parse_mail
from services.ingestion.domain.mail_html import shown_html

_MIB = 1024 * 1024
_OPEN_FILES = 32
# What a mail may take in memory; what is mapped of programs comes on top, in all less than 200 MB.
_MAIL_BYTES = 180 * 1000 * 1000

# What can be asked of a mail; then of an image, and the last of a key.
WHOLE_TEXT, NEW_TEXT, HTML, HTML_WITH_REMOTE_IMAGES, IMAGE, THUMBNAIL, KEY = range(7)


def main() -> None:
    """Answer requests until the other end closes."""
    memory_mib, cpu_seconds = int(sys.argv[1]), float(sys.argv[2])
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * _MIB, memory_mib * _MIB))
    resource.setrlimit(resource.RLIMIT_DATA, (_MAIL_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers.write(b"\n")
    answers.flush()
    while line := requests.readline(64):
        size, what, size_of_keys = (int(part) for part in line.split())
        if size_of_keys or what == KEY:
            # Their libraries are loaded before the mail's time begins.
            import_module("services.ingestion.domain.mail.opening")
        # The process ends when this runs out (SIGPROF), which resource limits know in whole seconds only.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        raw = requests.read(size)
        _answer(answers, raw, what, requests.read(size_of_keys))
        signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(answers: BinaryIO, raw: bytes, what: int, keys: bytes) -> None:
    files: tuple[bytes, ...] = ()
    header: dict[str, Any]
    try:
        if what == KEY:
            header = _key(raw)
        elif what in {IMAGE, THUMBNAIL}:
            header, files = _image(raw, what)
        else:
            header, files = _mail(raw, what, MailKeys.from_bytes(keys) if keys else None)
    except MailRejected as error:
        header = {"rejected": error.reason}
    except MemoryError:
        header = {"rejected": "parser_out_of_memory"}
    except Exception:  # noqa: BLE001 - a mail that breaks the parser is put aside, whatever it broke
        header = {"rejected": "unreadable"}
    encoded = json.dumps(header).encode()
    answers.write(len(encoded).to_bytes(4, "big") + encoded)
    answers.writelines(files)
    answers.flush()


def _mail(raw: bytes, what: int, keys: MailKeys | None) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    mail = parse_mail(raw, strip_quotes=what == NEW_TEXT, keys=keys)
    if what not in {WHOLE_TEXT, NEW_TEXT}:
        # What was encrypted asks nobody for an image, whoever wants to see it: it could be told who sent it on (EFAIL).
        is_secret = mail.security is not None and mail.security.decrypted
        html = _html(mail, remote_images=what == HTML_WITH_REMOTE_IMAGES and not is_secret)
        return {"html": html, "security": asdict(mail.security) if mail.security else None}, ()
    files = tuple(attachment.data for attachment in mail.attachments)
    return {"mail": _fields(mail), "sizes": [len(data) for data in files]}, files


def _key(raw: bytes) -> dict[str, Any]:
    from services.ingestion.domain.mail.opening import read_key  # noqa: PLC0415 - loaded when it is wanted

    try:
        return {"key": read_key(**json.loads(raw)).told()}
    except KeyRejectedError as error:
        return {"key_rejected": [error.reason, error.words]}


def _image(raw: bytes, what: int) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    # Decoders take memory, which processes that only ever read mail do without.
    from services.ingestion import images  # noqa: PLC0415

    # An image may have what the whole process may; and what its decoders keep is not a mail's fault.
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    side = images.THUMBNAIL_SIDE if what == THUMBNAIL else images.SHOWN_SIDE
    try:
        content_type, data = images.drawn(raw, side=side)
    except images.ImageRejected as error:
        return {"rejected": error.reason}, ()
    return {"image": content_type, "sizes": [len(data)]}, (data,)


def _html(mail: ParsedMail, *, remote_images: bool) -> list[Any] | None:
    content_ids = [attachment.content_id for attachment in mail.attachments]
    shown = shown_html(mail.parts, content_ids, remote_images=remote_images)
    return None if shown is None else [shown.html, shown.images_left_out]


def _fields(mail: ParsedMail) -> dict[str, Any]:
    return {
        "sender": [mail.sender.address, mail.sender.name] if mail.sender else None,
        "subject": mail.subject,
        "text": mail.text,
        "text_truncated": mail.text_truncated,
        "kind": mail.kind,
        "message_id": mail.message_id,
        "references": mail.references,
        "delivered_to": mail.delivered_to,
        "written_to": mail.written_to,
        "authentication_results": mail.authentication_results,
        "ticket_number": mail.ticket_number,
        "language": mail.language,
        "evidence": mail.evidence,
        "quoted": mail.quoted,
        "forwarded_from": [mail.forwarded_from.address, mail.forwarded_from.name] if mail.forwarded_from else None,
        "reply_to": [mail.reply_to.address, mail.reply_to.name] if mail.reply_to else None,
        "security": asdict(mail.security) if mail.security else None,
        "report": asdict(mail.report) if mail.report else None,
        "attachment_names": [attachment.name for attachment in mail.attachments],
    }


if __name__ == "__main__":
    main()
