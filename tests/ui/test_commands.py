"""Commands by keys, by the palette, and what the help says of them."""

import re

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.running_desk import ROOT, RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_composer import new_ticket, reply_field

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """The name of the element that has the focus."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName"))


def test_the_palette_opens_from_anywhere_finds_and_gives_the_focus_back(desk: RunningDesk, open_page: OpenPage) -> None:
    """Ctrl+K in a field, too; what is typed leads to the command; Escape returns to where one was, letter by letter."""
    page = open_page("/inbox/open", desk.admin, viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    search = page.get_by_role("combobox", name="Search tickets")
    search.click()
    page.keyboard.type("prin")
    before = focused(page)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Commands")
    finder = palette.get_by_role("combobox")
    expect(finder).to_be_focused()
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    page.wait_for_function("(name) => document.activeElement.getAttribute('aria-label') === name", arg=before)
    page.keyboard.type("ter")
    expect(search).to_have_value("printer")

    page.keyboard.press("Control+k")
    page.keyboard.type("gallery")
    expect(palette.get_by_role("option", selected=True)).to_contain_text("Go to the gallery of parts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ui/")).to_be_visible()

    # Given once, it comes first; and an option is chosen by the arrows, too.
    page.keyboard.press("Control+k")
    expect(palette.get_by_role("group").first).to_have_accessible_name("Recent")
    expect(palette.get_by_role("option").first).to_contain_text("gallery")
    page.keyboard.type("theme: d")
    expect(palette.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("qqqq")
    expect(palette.get_by_role("option")).to_have_count(0)
    expect(palette.get_by_role("status")).to_have_text("No command is called like that")


def caps(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def offered(page: Page) -> set[str]:
    """The commands with a key that the palette offers, each with its keys."""
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Commands")
    named = palette.get_by_role("option").filter(has=page.locator("kbd"))
    expect(named.first).to_be_visible()
    found = {caps(text) for text in named.all_inner_texts()}
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    return found


def helped(page: Page) -> set[str]:
    """What the help lists, each with its keys."""
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    names, keys = (sheet.locator(tag).all_inner_texts() for tag in ("dt", "dd"))
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    return {caps(f"{name} {key}") for name, key in zip(names, keys, strict=True)}


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin"])
def test_the_help_is_what_can_be_done(desk: RunningDesk, open_page: OpenPage, role: str) -> None:
    """Every command with a key that the palette offers stands in the help with it, and no other: at the list, at a
    ticket, and where there is neither; every key that the handbook names is one of them."""
    ticket = new_ticket(desk, "Keys")
    page = open_page("/inbox/open", desk.login(role), viewport={"width": 1440, "height": 900})
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    expect(page.locator("[role=option]").first).to_be_visible()
    # What is loaded later offers its commands then.
    expect(page.get_by_role("combobox", name="Search tickets")).to_be_visible()
    # The palette does not offer itself.
    own = {"Find a command Ctrl K"}
    at_list = helped(page)
    assert at_list - offered(page) == own
    assert offered(page) <= at_list
    assert ("Go to administration G then A" in at_list) == (role != "agent")

    page.locator(f"#ticket-{ticket['id']}").click()
    expect(page.get_by_role("article").first).to_be_visible()
    expect(page.locator(".shimmer")).to_have_count(0)
    reply_field(page)
    at_ticket = helped(page)
    assert at_ticket - offered(page) == own
    assert offered(page) <= at_ticket
    assert at_list <= at_ticket
    keys = {line.rsplit(" ", 1)[1].lower() for line in at_ticket}
    assert at_ticket - at_list, "a ticket has keys of its own"
    with desk.client(desk.login(role)) as me:
        assignee = me.get(f"/api/tickets/{ticket['id']}").json()["assignee"]
        is_mine = assignee is not None and assignee["id"] == me.get("/api/auth/session").json()["account_id"]
    # Routing may have given the ticket to the very one who looks: then there is nothing to take.
    assert documented() - keys == ({"a"} if is_mine else set())

    if role == "agent":
        return
    page.get_by_role("link", name="Team").click()
    expect(page.get_by_role("main").get_by_role("heading", level=2).first).to_be_visible()
    elsewhere = helped(page)
    assert elsewhere - offered(page) == own
    assert offered(page) <= elsewhere
    assert not any("ticket" in line for line in elsewhere - {"Go to tickets G then I", "New ticket ⇧ N"})


def documented() -> set[str]:
    """The single keys that the handbook names."""
    handbook = (ROOT / "docs" / "web.md").read_text()
    keys = set(re.findall(r"`([a-z/#])`", handbook))
    assert len(keys) > 15
    return keys


LETTERS = "jkxe#?raenmucdhptszflJKNgtgi/"
# Files, drafts and who is where are sent of what is typed, not of a command.
ELSEWHERE = re.compile("/(draft|attachments|live)")


class Quiet:
    """Sees whether a key did something: changed anything, went anywhere, or opened something above the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.changes: list[str] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method not in {"GET", "HEAD"} and not ELSEWHERE.search(request.url):
            self.changes.append(f"{request.method} {request.url}")

    def _state(self) -> tuple[str, int, int]:
        page = self.page
        return (page.url, page.get_by_role("dialog").count(), page.locator("[role=option][aria-selected=true]").count())

    def type_into(self, field: Locator, letters: str = LETTERS) -> None:
        """Types all letters that are commands into a field, which keeps them and the focus."""
        field.focus()
        before = self._state()
        self.page.keyboard.type(letters)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert self._state() == before
        expect(field).to_be_focused()
        assert self.changes == []


def test_single_keys_are_letters_in_every_kind_of_field(desk: RunningDesk, open_page: OpenPage) -> None:
    """Search, reply, note, subject, tags, lists to choose from, numbers, dates, and the fields and boxes of dialogs."""
    ticket = new_ticket(desk, "Fields")
    page = open_page(
        f"/inbox/open?ticket={ticket['id']}", desk.admin, viewport={"width": 1440, "height": 900}, locale="en-US"
    )
    quiet = Quiet(page)
    expect(page.get_by_role("article").first).to_be_visible()
    search = page.get_by_role("combobox", name="Search tickets")
    quiet.type_into(search)
    expect(search).to_have_value(LETTERS)
    page.keyboard.press("Escape")

    page.keyboard.press("r")
    reply = page.locator(".ProseMirror")
    quiet.type_into(reply)
    expect(reply).to_have_text(LETTERS)
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    note = page.get_by_role("textbox", name="Internal note")
    quiet.type_into(note)
    expect(note).to_have_value(LETTERS)
    page.keyboard.press("Escape")

    page.keyboard.press("t")
    tags = page.get_by_role("combobox", name="Add a tag")
    expect(tags).to_be_focused()
    quiet.type_into(tags)
    expect(tags).to_have_value(LETTERS)
    page.keyboard.press("Escape")
    order = page.get_by_role("combobox", name="Order")
    quiet.type_into(order, "jkxe#?gtgi")
    assert page.get_by_label(re.compile("Row")).count() == 0
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("#")
    quiet.type_into(page.get_by_label(re.compile("Row")))
    page.keyboard.press("Escape")
    expect(page.get_by_label(re.compile("Row"))).to_have_count(0)
    assert "ticket=" in page.url, "Escape leaves the field, not the ticket"

    # In dialogs: a field that finds, one of a form, a list of a form, a box to check, and a list that is open.
    page.keyboard.press("u")
    sheet = page.get_by_role("dialog")
    quiet.type_into(sheet.get_by_role("combobox"))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.get_by_role("button", name="Preferences").press("Enter")
    quiet.type_into(sheet.get_by_role("switch").last)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.keyboard.press("p")
    choices = page.get_by_role("listbox", name="Priority")
    expect(choices.get_by_role("option", selected=True)).to_be_focused()
    page.keyboard.type("jke#?gt")
    expect(choices).to_be_visible()
    page.keyboard.press("Escape")

    page.goto("/admin/macros")
    page.get_by_role("button", name="New macro").click()
    quiet.type_into(sheet.get_by_label("Name", exact=True))
    expect(sheet.get_by_label("Name", exact=True)).to_have_value(LETTERS)
    quiet.type_into(sheet.get_by_label("Text in English"))
    quiet.type_into(sheet.get_by_label("Priority"))
    page.goto("/reports/overview")
    quiet.type_into(page.locator("input[type=date]").first)
    assert quiet.changes == []


def test_single_keys_can_be_switched_off_for_good(desk: RunningDesk, open_page: OpenPage) -> None:
    """Switched off, they do nothing, here and after a reload, and Escape and Ctrl+K still do; keys typed into a field
    are letters."""
    page = open_page("/inbox/open", desk.admin, viewport={"width": 1280, "height": 900})
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    palette = page.get_by_role("dialog", name="Commands")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Switch single keys off").click()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    assert page.get_by_role("dialog", name="Keys").count() == 0
    assert "/inbox/" in page.url
    page.keyboard.press("Escape")

    page.get_by_role("button", name=re.compile("Preferences")).click()
    page.get_by_role("switch", name="Single keys as commands").press("Space")
    page.keyboard.press("Escape")
    expect(page.get_by_role("switch")).to_have_count(0)
    search = page.get_by_role("combobox", name="Search tickets")
    search.click()
    page.keyboard.type("gt?")
    expect(search).to_have_value("gt?")
    assert "/inbox/" in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/team")
