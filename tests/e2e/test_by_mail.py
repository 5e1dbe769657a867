"""A stranger's claim is held until an agent lets it join; agents answer from their own mail program, inside and out."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx

from shared.ids import uuid7
from tests.e2e.story import eventually, ticket_of
from tests.running_desk import Login, RunningDesk


def test_a_claim_joins_and_agents_answer_by_mail(desk: RunningDesk) -> None:
    customer, stranger = (f"{name}-{uuid7()}@example.org" for name in ("ana", "bo"))
    with desk.system() as system, _lead(desk) as agent, desk.client(desk.admin) as admin:
        asked = _mail(customer, "support@example.com", "The printer burns.")
        ticket = ticket_of(system, _sent(system, asked))
        path = f"/api/tickets/{ticket['id']}"

        claim = _mail(stranger, "support@example.com", "It is mine, too.", asked["Message-ID"])
        held = ticket_of(system, _sent(system, claim))
        assert held["review"] == {"ticket_id": ticket["id"], "reason": "sender_takes_no_part"}
        view = {"conditions": {"not": {"field": "review", "is": []}}}
        found = agent.post("/api/views/preview", json=view).json()["items"]
        assert held["id"] in {row["id"] for row in found}
        joined = agent.post(f"/api/tickets/{held['id']}/review", json={"decision": "join"})
        assert (joined.status_code, joined.json()["id"]) == (200, ticket["id"]), joined.text
        more = _mail(stranger, "support@example.com", "And now it smokes.", asked["Message-ID"])
        assert ticket_of(system, _sent(system, more))["id"] == ticket["id"]

        me = agent.get("/api/auth/session").json()
        mention = {"text": "@you, is it under warranty?", "mentions": [me["account_id"]]}
        eventually(lambda: _made(admin.post(f"{path}/notes", json=mention)), "the account is known to tickets")
        asked_me = _notice(desk, me["email"], "is it under warranty?")
        _sent(system, _mail(me["email"], asked_me["Reply-To"], "It is.", asked_me["Message-ID"], cc=customer))
        written = eventually(lambda: _message(agent, path, "It is."), "the agent's note")
        assert (written["kind"], written["author"]["id"]) == ("note", me["account_id"])

        body = {"assignee_id": me["account_id"]}
        agent.put(f"{path}/assignee", json={"assignee_id": None}, headers={"If-Match": "*"})
        assert admin.put(f"{path}/assignee", json=body, headers={"If-Match": "*"}).status_code == 200
        given_me = _notice(desk, me["email"], f"#{ticket['number']}", but=asked_me["Message-ID"])
        _sent(system, _mail(me["email"], given_me["Reply-To"], "Use water.", given_me["Message-ID"]))
        written = eventually(lambda: _message(agent, path, "Use water."), "the agent's reply")
        assert (written["kind"], written["author"]["id"]) == ("reply", me["account_id"])
        letter = _notice(desk, customer, "Use water.")
        assert "It is." not in letter.get_body(("plain",)).get_content()


@contextmanager
def _lead(desk: RunningDesk) -> Iterator[httpx.Client]:
    """Somebody whom nothing was told yet: in an hour a person gets only so many notices."""
    login = Login(f"lead-{uuid7()}@example.com", f"correct horse {uuid7()}")
    account = {"email": login.email, "name": "Lead", "role": "supervisor", "password": login.password}
    with desk.client(desk.admin) as admin:
        assert admin.post("/api/accounts", json=account).status_code == 201
    with desk.client(login) as lead:
        yield lead


def _made(answer: httpx.Response) -> bool | None:
    return True if answer.status_code == 201 else None


def _mail(sender: str, to: str, text: str, answers: str = "", *, cc: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, "Printer"
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    if answers:
        mail["In-Reply-To"] = answers
    if cc:
        mail["Cc"] = cc
    mail.set_content(text)
    return mail


def _sent(system: httpx.Client, mail: EmailMessage) -> str:
    posted = system.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
    assert posted.status_code == 202, posted.text
    return str(posted.json()["status_url"])


def _message(agent: httpx.Client, path: str, text: str) -> Any:
    return next((each for each in agent.get(f"{path}/messages").json()["items"] if each["text"].strip() == text), None)


def _notice(desk: RunningDesk, address: str, text: str, *, but: str = "") -> Any:
    """A mail that left to an address, with this in it."""

    def look() -> Any:
        mails = (
            message_from_bytes(file.read_bytes(), policy=policy.default)
            for file in (desk.home / "outgoing").rglob("*.eml")
        )
        return next((each for each in mails if _is_it(each)), None)

    def _is_it(mail: Any) -> bool:
        said = f"{mail['Subject']} {mail.get_body(('plain',)).get_content()}"
        return address in str(mail["To"]) and mail["Message-ID"] != but and text in said

    return eventually(look, f"mail to {address}")
