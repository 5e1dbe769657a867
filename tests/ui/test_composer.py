"""Answering a ticket: nothing written is lost, nothing internal leaves, and nothing is sent unread."""

import re
import time
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser


def new_ticket(desk: RunningDesk, what: str) -> dict[str, Any]:
    """A ticket with one message of a customer."""
    subject = f"{what} {uuid7()}"
    hand_in(desk, subject, "Hello, where is my order?")
    with desk.client(desk.agent) as agent:
        return ticket_named(agent, subject)


def ticket_named(client: httpx.Client, subject: str) -> dict[str, Any]:
    """The ticket with that subject, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        rows = client.get("/api/tickets", params={"sort": "-created_at", "limit": 100}).json()["items"]
        for row in rows:
            if row["subject"] == subject:
                found: dict[str, Any] = row
                return found
        time.sleep(0.1)
    raise AssertionError(f"no ticket {subject}")


def reply_field(page: Page) -> Locator:
    """Where a reply is written, once the editor is there."""
    field = page.locator(".ProseMirror")
    expect(field).to_be_visible()
    return field


def thread_of(client: httpx.Client, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/tickets/{ticket['id']}/messages").json()["items"]
    return items


def test_a_reply_to_a_thread_that_moved_is_kept_and_shown_what_came(desk: RunningDesk, open_page: OpenPage) -> None:
    """Somebody else writes while one does: it is not sent but stays, with who wrote what, until one sends it anyway."""
    ticket = new_ticket(desk, "Two at once")
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent)
    # Long enough for a slow machine to take it back.
    page.evaluate("localStorage.setItem('desk.undoSeconds', '30')")
    page.reload()
    field = reply_field(page)
    page.keyboard.press("r")
    page.keyboard.type("It is on its way.")
    with desk.client(desk.login("supervisor")) as sam:
        noted = sam.post(f"/api/tickets/{ticket['id']}/notes", json={"text": "Do not promise anything."})
        assert noted.status_code == 201, noted.text
    page.keyboard.press("Control+Enter")
    sheet = page.get_by_role("dialog", name="The conversation moved on")
    expect(sheet).to_contain_text("Do not promise anything.")
    expect(sheet).to_contain_text("Sam Overview")
    with desk.client(desk.agent) as agent:
        assert [message["kind"] for message in thread_of(agent, ticket)] == ["customer", "note"]
    sheet.get_by_role("button", name="Go on writing").press("Enter")
    expect(sheet).to_have_count(0)
    expect(field).to_have_text("It is on its way.")
    expect(field).to_be_focused()

    with desk.client(desk.login("supervisor")) as sam:
        sam.post(f"/api/tickets/{ticket['id']}/notes", json={"text": "Still not."}).raise_for_status()
    page.keyboard.press("Control+Enter")
    expect(sheet).to_contain_text("Still not.")
    expect(sheet).not_to_contain_text("Do not promise anything.")
    sheet.get_by_role("button", name="Send anyway").click()
    # It can be taken back for a while, and then it is the same text again.
    page.get_by_role("button", name="Take back").click()
    expect(field).to_have_text("It is on its way.")
    page.evaluate("localStorage.setItem('desk.undoSeconds', '5')")
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_text(re.compile(r"Leaves in \d+ seconds?|Leaving…"))).to_be_visible()
    expect(page.get_by_role("article").filter(has_text="It is on its way.")).to_be_visible()
    with desk.client(desk.agent) as agent:
        assert [message["kind"] for message in thread_of(agent, ticket)] == ["customer", "note", "note", "reply"]


def test_a_reply_refused_while_a_note_is_begun_is_told_there(desk: RunningDesk, open_page: OpenPage) -> None:
    """Whoever had turned to the note by the time of the refusal was told nothing: neither that nor what came."""
    ticket = new_ticket(desk, "Turned to the note")
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent)
    field = reply_field(page)
    page.keyboard.press("r")
    page.keyboard.type("It is on its way.")
    with desk.client(desk.login("supervisor")) as sam:
        sam.post(f"/api/tickets/{ticket['id']}/notes", json={"text": "Not before May."}).raise_for_status()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("/replies$"), hold)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Sending…")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Internal note")).to_be_focused()
    held[0].continue_()
    alert = page.get_by_role("alert").filter(has_text="Your reply was not sent.")
    sheet = page.get_by_role("dialog", name="The conversation moved on")
    expect(alert).to_be_visible()
    expect(sheet).to_have_count(0)
    alert.get_by_role("button", name="Go back to it").click()
    expect(sheet).to_contain_text("Not before May.")
    sheet.get_by_role("button", name="Go on writing").press("Enter")
    expect(sheet).to_have_count(0)
    expect(field).to_have_text("It is on its way.")
    expect(field).to_be_focused()


def test_a_reply_whose_answer_is_lost_is_kept_and_never_sent_twice(desk: RunningDesk, open_page: OpenPage) -> None:
    """The network goes while a reply is sent, before the desk has it or after: the text stays, after a reload, too, and
    sent again it is one reply. So it is where the thread moved and one sends anyway."""
    ticket = new_ticket(desk, "Lost on the way")
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent)
    page.evaluate("localStorage.setItem('desk.undoSeconds', '0')")
    page.reload()
    field = reply_field(page)
    alert = page.get_by_role("alert").filter(has_text="did not answer")
    keys: list[str] = []
    reaches = False

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if reaches:
            assert route.fetch().status == 201
        route.abort("connectionreset")

    def lost() -> None:
        expect(alert).to_be_visible()
        expect(page.get_by_role("button", name="Send reply")).to_be_enabled()

    page.route(re.compile("/replies$"), lose)
    # What arrived deletes the desk's draft of it, and then the field is as empty as it should be.
    page.route(re.compile("/draft$"), refuse_put)
    page.keyboard.press("r")
    page.keyboard.type("It is on its way.")
    page.keyboard.press("Control+Enter")
    lost()
    expect(field).to_have_text("It is on its way.")
    with desk.client(desk.agent) as agent:
        assert [message["kind"] for message in thread_of(agent, ticket)] == ["customer"]
        reaches = True
        page.keyboard.press("Control+Enter")
        eventually(lambda: len(thread_of(agent, ticket)) == 2, "the reply that nobody was told of")
        lost()
        expect(field).to_have_text("It is on its way.")
        page.unroute(re.compile("/replies$"))
        page.on("request", lambda sent: keys.append(sent.headers["idempotency-key"]) if is_reply(sent) else None)
        page.reload()
        expect(field).to_have_text("It is on its way.")
        page.get_by_role("button", name="Send reply").click()
        expect(field).to_have_text("")
        assert [message["kind"] for message in thread_of(agent, ticket)] == ["customer", "reply"]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    expect(page.get_by_role("article").filter(has_text="It is on its way.")).to_have_count(1)
    page.unroute(re.compile("/draft$"))

    with desk.client(desk.login("supervisor")) as sam:
        page.keyboard.press("r")
        page.keyboard.type("Tomorrow.")
        sam.post(f"/api/tickets/{ticket['id']}/notes", json={"text": "Not tomorrow."}).raise_for_status()
        page.keyboard.press("Control+Enter")
        sheet = page.get_by_role("dialog", name="The conversation moved on")
        expect(sheet).to_contain_text("Not tomorrow.")
        page.context.set_offline(True)
        sheet.get_by_role("button", name="Send anyway").click()
        expect(alert).to_be_visible()
        expect(field).to_have_text("Tomorrow.")
        page.context.set_offline(False)
        page.get_by_role("button", name="Send reply").click()
        expect(sheet).to_contain_text("Not tomorrow.")
        sheet.get_by_role("button", name="Send anyway").click()
        expect(field).to_have_text("")
        kinds = [message["kind"] for message in thread_of(sam, ticket)]
        assert kinds == ["customer", "reply", "note", "reply"]


def refuse_put(route: Route) -> None:
    route.abort() if route.request.method == "PUT" else route.continue_()


def is_reply(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/replies")


def test_a_note_never_becomes_a_reply(desk: RunningDesk, open_page: OpenPage) -> None:
    """Neither switching to the reply nor sending from there takes a note or its files along; a note mentions
    colleagues, and what is refused of files is said."""
    ticket = new_ticket(desk, "Secret")
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent)
    sent: list[str] = []

    def listen(request: Request) -> None:
        if request.method == "POST" and "/api/tickets/" in request.url:
            sent.append(request.url.rsplit("/", 1)[-1])

    page.on("request", listen)
    reply_field(page)
    page.keyboard.press("n")
    page.keyboard.type("This customer lies, @sam")
    page.keyboard.press("Enter")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "proof.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 proof"},
            {"name": "run.exe", "mimeType": "application/octet-stream", "buffer": b"MZ run"},
        ]
    )
    files = page.get_by_role("list", name="Files")
    expect(files.get_by_role("alert")).to_have_text("Not taken: files of this kind might run where they are opened")
    expect(page.get_by_role("button", name="Add internal note")).to_be_disabled()
    page.get_by_role("button", name="Remove run.exe").click()
    expect(files.get_by_role("listitem")).to_have_text(re.compile("proof.pdf"))

    page.get_by_role("tab", name="Reply").click()
    expect(reply_field(page)).to_have_text("")
    expect(files).to_have_count(0)
    reply_field(page).press("Control+Enter")
    expect(page.get_by_role("button", name="Send reply")).to_be_disabled()
    page.get_by_role("tab", name="Internal note").click()
    note = page.get_by_role("textbox", name="Internal note")
    expect(note).to_have_value("This customer lies, @Sam Overview ")
    note.press("Control+Enter")
    article = page.get_by_role("article").filter(has_text="This customer lies")
    expect(article).to_have_accessible_name(re.compile("Internal note"))
    expect(article.get_by_role("link", name=re.compile("proof.pdf"))).to_be_visible()
    assert sent == ["notes"]
    with desk.client(desk.agent) as agent:
        note_sent = thread_of(agent, ticket)[-1]
        assert (note_sent["kind"], note_sent["delivery_state"]) == ("note", None)
        assert [person["name"] for person in note_sent["mentions"]] == ["Sam Overview"]


def test_a_macro_is_previewed_applied_below_the_text_and_sent_later(desk: RunningDesk, open_page: OpenPage) -> None:
    """`/` finds macros and shows what one would do to this ticket; its text goes below what was written, and what it
    changed is told. A reply that leaves later can be moved and taken back."""
    ticket = new_ticket(desk, "Macro")
    name = f"Late parcel {uuid7()}"
    with desk.client(desk.admin) as admin:
        made = admin.post(
            "/api/macros",
            json={
                "name": name,
                "texts": {"en": {"html": "<p>Hello {{ customer.first_name }}, it is <b>late</b>.</p>"}},
                "actions": {"priority": "high", "add_tags": ["late"]},
            },
        )
        assert made.status_code == 201, made.text
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent)
    field = reply_field(page)
    page.keyboard.press("r")
    page.keyboard.type("Dear customer,")
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    sheet = page.get_by_role("dialog", name="Macros and canned replies")
    page.keyboard.type(name)
    expect(sheet.get_by_role("option")).to_have_count(1)
    preview = sheet.get_by_role("region", name="What it would do")
    expect(preview).to_contain_text("Hello Tom, it is late.")
    expect(preview).to_contain_text("High")
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(field).to_contain_text(re.compile("Dear customer,.*Hello Tom, it is late.", re.DOTALL))
    expect(field.locator("strong, b")).to_have_text("late")
    expect(page.get_by_role("status").filter(has_text=f"Applied: {name}")).to_contain_text("High")

    page.get_by_role("button", name="Other ways to send").click()
    page.get_by_role("menuitem", name="Send later…").click()
    later = page.get_by_role("dialog", name="Send later")
    later.get_by_label("Leaves at").fill(page.evaluate("new Date(Date.now() + 864e5).toISOString().slice(0, 16)"))
    later.get_by_role("button", name="Send later…").click()
    waiting = page.get_by_role("list", name="Replies that leave later").get_by_role("listitem")
    expect(waiting).to_contain_text("it is late.")
    expect(field).to_have_text("")
    waiting.get_by_role("button", name="Take back").click()
    expect(waiting).to_have_count(0)
    expect(field).to_contain_text("Hello Tom, it is late.")
    with desk.client(desk.agent) as agent:
        assert [message["kind"] for message in thread_of(agent, ticket)] == ["customer"]


def test_a_script_in_a_mail_is_inert_and_nothing_is_fetched_unasked(desk: RunningDesk, open_page: OpenPage) -> None:
    """A mail's HTML is shown in a frame in which nothing runs; its remote images stay away until they are asked for."""
    subject = f"Trick {uuid7()}"
    mail = EmailMessage()
    mail["From"] = f"Mallory <mallory-{uuid7()}@example.org>"
    mail["To"] = "support@example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Look at <script>window.top.tricked = 1</script> this")
    mail.add_alternative(
        "<p onclick='window.top.tricked = 2'>Look at <b>this</b></p><script>window.top.tricked = 3</script>"
        "<img src=x onerror='window.top.tricked = 4'><img src='https://tracker.example/seen.png'>"
        "<a href='javascript:window.top.tricked = 5'>here</a>",
        subtype="html",
    )
    with desk.system() as client:
        client.post(
            "/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"}
        ).raise_for_status()
    with desk.client(desk.agent) as agent:
        ticket = ticket_named(agent, subject)
    page = open_page("/inbox/open", desk.agent)
    fetched: list[str] = []
    page.route("https://tracker.example/**", lambda route: (fetched.append(route.request.url), route.abort()))
    page.goto(f"/inbox/open?ticket={ticket['id']}")
    article = page.get_by_role("article")
    expect(article).to_contain_text("Look at <script>window.top.tricked = 1</script> this")
    article.get_by_role("button", name="Show the original").click()
    frame = page.frame_locator("iframe[title='The mail as it was sent']")
    expect(frame.locator("b")).to_have_text("this")
    frame.locator("b").click()
    frame.get_by_text("here").click()
    assert "allow-scripts" not in str(page.locator("iframe").get_attribute("sandbox")).split()
    assert fetched == []
    page.get_by_role("button", name="Show images").click()
    expect(frame.locator("img[src*=tracker]")).to_have_count(1)
    assert page.evaluate("window.tricked") is None
