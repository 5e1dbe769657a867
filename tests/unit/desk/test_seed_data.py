"""Seeds and samples: plainly made up, in the languages they promise, and in the shape that ingestion takes."""

import email
import email.policy
import re

from desk.samples import load_answers, load_samples, mail_files
from desk.seed import PEOPLE, first_messages
from services.ingestion.domain.messages import IncomingMessage
from services.tickets.domain.rendering import check
from services.tickets.schemas.macros import MacroBody
from services.tickets.schemas.templates import TicketTemplateBody

_MADE_UP = re.compile(r"@example\.(com|org)$")


def test_samples_are_what_ingestion_accepts() -> None:
    samples = load_samples()
    for sample in samples:
        assert IncomingMessage.model_validate(sample.message).text
    assert len(samples) >= 60
    assert len({sample.id for sample in samples}) == len(samples)
    assert len({sample.message["sender"]["language"] for sample in samples}) >= 10


def test_answers_are_what_tickets_accepts() -> None:
    answers = load_answers()
    macros = [MacroBody.model_validate(macro) for macro in answers["macros"]]
    for macro in macros:
        for text in macro.texts.values():
            check(text.source(), ())
    assert len({macro.shortcut for macro in macros}) == len(macros)
    for template in answers["templates"]:
        TicketTemplateBody.model_validate(template)


def test_everybody_is_made_up() -> None:
    for person in PEOPLE:
        assert _MADE_UP.search(person.email)
    for sample in load_samples():
        assert _MADE_UP.search(sample.message["sender"]["address"])
    for path in mail_files():
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert _MADE_UP.search(message["From"].addresses[0].addr_spec), path.name


def test_every_language_of_the_first_messages_has_an_agent() -> None:
    spoken = {language for person in PEOPLE if person.role == "agent" for language in person.languages}
    greeted = {sample.message["sender"]["language"] for sample in first_messages(load_samples())}
    assert len(greeted) == 6
    assert greeted <= spoken


def test_mails_keep_their_line_ends_and_charsets() -> None:
    charsets = set()
    for path in mail_files():
        raw = path.read_bytes()
        assert b"\r\n" in raw
        assert b"\n" not in raw.replace(b"\r\n", b""), path.name
        message = email.message_from_bytes(raw, policy=email.policy.default)
        charsets |= {part.get_content_charset() for part in message.walk() if part.get_content_maintype() == "text"}
    assert {"utf-8", "iso-8859-1", "windows-1256", "iso-2022-jp", "koi8-r", "big5"} <= charsets


def test_the_reply_answers_another_sample() -> None:
    messages = {
        path.name: email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in mail_files()
    }
    known = {str(message["Message-ID"]) for message in messages.values()}
    assert str(messages["09-english-reply.eml"]["In-Reply-To"]) in known
