"""The program of a parser process: mails in on standard input, results out on standard output.

Started by `parsing` as `python -m services.ingestion.parser_process <memory MiB> <CPU seconds>`. A request is a line
`<size> <strip quotes>` and the mail; an answer is a JSON header with its length before it, then the attachments' bytes.
"""

import json
import math
import os
import resource
import sys
from typing import Any, BinaryIO

from services.ingestion.domain.mail import MailRejected, ParsedMail, parse_mail

_MIB = 1024 * 1024
_OPEN_FILES = 32


def main() -> None:
    """Answer requests until the other end closes."""
    memory_mib, cpu_seconds = int(sys.argv[1]), float(sys.argv[2])
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * _MIB, memory_mib * _MIB))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers.write(b"\n")
    answers.flush()
    while line := requests.readline(64):
        size, strip_quotes = (int(part) for part in line.split())
        _allow_cpu(cpu_seconds)
        _answer(answers, requests.read(size), strip_quotes=bool(strip_quotes))


def _allow_cpu(seconds: float) -> None:
    """The limit counts from the process's start: move it ahead for the next mail."""
    used = sum(os.times()[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), hard))


def _answer(answers: BinaryIO, raw: bytes, *, strip_quotes: bool) -> None:
    files: tuple[bytes, ...] = ()
    header: dict[str, Any]
    try:
        mail = parse_mail(raw, strip_quotes=strip_quotes)
    except MailRejected as error:
        header = {"rejected": error.reason}
    except MemoryError:
        header = {"rejected": "parser_out_of_memory"}
    except Exception:  # noqa: BLE001 - a mail that breaks the parser is put aside, whatever it broke
        header = {"rejected": "unreadable"}
    else:
        files = tuple(attachment.data for attachment in mail.attachments)
        header = {"mail": _fields(mail), "sizes": [len(data) for data in files]}
    encoded = json.dumps(header).encode()
    answers.write(len(encoded).to_bytes(4, "big") + encoded)
    answers.writelines(files)
    answers.flush()


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
        "authentication_results": mail.authentication_results,
        "ticket_number": mail.ticket_number,
        "language": mail.language,
        "attachment_names": [attachment.name for attachment in mail.attachments],
    }


if __name__ == "__main__":
    main()
