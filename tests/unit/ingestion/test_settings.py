"""What ingestion refuses to start with."""

import pytest
from pydantic import ValidationError

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.outgoing import OutgoingMail, compose
from services.ingestion.domain.tokens import outgoing_message_id, reply_address
from services.ingestion.settings import IngestionSettings
from shared.db import now_utc
from shared.ids import uuid7

KEY = b"k" * 32
LONGEST = f"{'a' * 19}@{'b' * 60}.{'c' * 60}.example"


def settings(address: str) -> IngestionSettings:
    return IngestionSettings(database_url="postgresql://x", DESK_INGESTION_MAIL_ADDRESS=address)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("a" * 20 + "@desk.example", "19 characters"),
        ("söpport@desk.example", "ASCII"),
        ("support@düsk.example", "xn--"),
        (f"support@{'.'.join(['b' * 60] * 4)}", "180 characters"),
        ("Support@desk.example", "lower case"),
        ("a+b@desk.example", "plus"),
    ],
)
def test_an_address_that_no_reply_could_come_from_is_refused(address: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(address)


def test_the_longest_address_makes_a_mail_that_can_be_answered() -> None:
    desk = settings(LONGEST).mailbox
    message_id = uuid7()
    reply_to = reply_address(KEY, desk, message_id, "ada@example.org")
    assert normalise_address(reply_to) == reply_to
    compose(
        OutgoingMail(
            message_id=outgoing_message_id(KEY, desk, message_id),
            sender=Mailbox(desk.address, "Support"),
            recipient=Mailbox("ada@example.org"),
            reply_to=reply_to,
            subject="x",
            ticket_number=1,
            text="x",
            written_at=now_utc(),
        )
    )


@pytest.mark.parametrize("login", [":", "user:", ":password", "user"])
def test_half_a_login_is_no_secret(login: str) -> None:
    with pytest.raises(ValidationError, match="user:password"):
        IngestionSettings(database_url="postgresql://x", DESK_INGESTION_PROVIDER_POSTMARK_LOGIN=login)


def test_no_login_listens_to_nobody() -> None:
    listening = IngestionSettings(database_url="postgresql://x", DESK_INGESTION_PROVIDER_POSTMARK_LOGIN="")
    assert listening.provider_secrets.postmark_login is None
