"""Whose a mail is that does not say so itself: held for review, or forwarded by an agent."""

import re
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from shared.ids import uuid7
from tests.e2e.story import ticket_of
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage

pytestmark = pytest.mark.browser

WIDE = {"width": 1500, "height": 900}


def hand_in(
    system: httpx.Client, sender: str, subject: str, text: str, answers: str = ""
) -> tuple[str, dict[str, Any]]:
    """A mail, by its Message-ID, and the ticket that it opened."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "support@example.com", subject
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    if answers:
        mail["In-Reply-To"] = answers
    mail.set_content(text)
    posted = system.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
    assert posted.status_code == 202, posted.text
    return mail["Message-ID"], ticket_of(system, posted.json()["status_url"])


def test_what_is_held_is_found_in_a_view_of_its_own(desk: RunningDesk, open_page: OpenPage) -> None:
    """A stranger's claim stands under "To review", which is counted, until somebody has decided: a colleague, too."""
    mark = uuid7().hex[-12:]
    with desk.system() as system:
        asked, _ = hand_in(system, f"ana-{mark}@example.org", f"Printer {mark}", "The printer burns.")
        _, held = hand_in(system, f"bo-{mark}@example.org", f"Mine {mark}", "It is mine, too.", asked)
    assert held["review"]["reason"] == "sender_takes_no_part"
    page = open_page("/inbox/open", desk.agent, viewport=WIDE)
    link = page.get_by_role("navigation", name="Views").get_by_role("link", name="To review")
    expect(link).to_have_text(re.compile(r"\d"))
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="To review")).to_be_visible()
    row = page.get_by_role("option").filter(has_text=f"Mine {mark}")
    expect(row).to_be_visible()
    expect(page.get_by_role("option").filter(has_text=f"Printer {mark}")).to_have_count(0)
    colleagues = open_page("/inbox/review", desk.admin, viewport=WIDE)
    same_row = colleagues.get_by_role("option").filter(has_text=f"Mine {mark}")
    expect(same_row).to_be_visible()
    row.click()
    page.get_by_role("button", name="Keep separate").press("Enter")
    expect(page.get_by_role("region", name="Held for review")).to_have_count(0)
    expect(row).to_have_count(0)
    expect(same_row).to_have_count(0)


def test_who_wrote_what_an_agent_forwarded_is_made_the_requester(desk: RunningDesk, open_page: OpenPage) -> None:
    """The address in the forwarded mail is offered above the thread, and the ticket is theirs by one press."""
    mark = uuid7().hex[-12:]
    text = f"Please help her.\n\n---------- Forwarded message ---------\nFrom: Ana Silva <ana-{mark}@example.org>\n"
    text += "Date: 5 Mar\nSubject: Lamp\nTo: agent@example.com\n\nThe glass is cracked.\n"
    with desk.system() as system:
        _, ticket = hand_in(system, desk.agent.email, f"Fwd: Lamp {mark}", text)
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent, viewport=WIDE)
    offer = page.get_by_role("region", name="Forwarded mail")
    expect(offer).to_contain_text(f"Ana Silva <ana-{mark}@example.org>")
    offer.get_by_role("button", name=f"ana-{mark}@example.org").press("Enter")
    expect(offer).to_have_count(0)
    with desk.client(desk.agent) as agent:
        requester = agent.get(f"/api/tickets/{ticket['id']}").json()["requester"]
        found = agent.get("/api/customers", params={"identity": f"ana-{mark}@example.org"}).json()["items"]
    assert [each["id"] for each in found] == [requester["customer_id"]]
