"""Words that nobody wrote, and how few searches it takes to tell."""

import pytest

from shared.events.accounts import Role
from tests.integration.events import at
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_search import ANA, find, index, note
from tests.statements import sent


async def test_words_that_nobody_wrote_give_way_to_near_ones(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(
        received(subject="Latin", text="Please cancel my subscription"),
        received(subject="Hindi", text="मेरी शिकायत दर्ज करें", received_at=at(1)),
        received(subject="Number", text="order 4711 0815x", received_at=at(2)),
        received(subject="Thai", text="ต้องการยกเลิกสมาชิกก่อนต่ออายุ", received_at=at(3)),
    )
    await index(desk)
    for line, subject, written, searched in (
        ("subscrpition", "Latin", "subscrpition", "subscription"),
        ("cancle my", "Latin", "cancle", "cancel"),
        ("शिकयात", "Hindi", "शिकयात", "शिकायत"),
        ("สมาชิค", "Thai", "สมาชิค", "สมาชิ?"),
    ):
        answer = (await agent.client.get("/api/tickets/search", q=line)).json()
        assert [hit["ticket"]["subject"] for hit in answer["items"]] == [subject], line
        assert answer["corrected"] == [{"written": written, "searched": [searched]}]
    # Not numbers, phrases, beginnings, nor what somebody did write.
    for line in ("4712", '"cancle"', "cancle*", "cancel please order", "-cancel cancle"):
        answer = (await agent.client.get("/api/tickets/search", q=line)).json()
        assert (answer["items"], answer["corrected"]) == ([], []), line


async def test_customers_are_not_told_words_of_others(desk: Desk) -> None:
    """Neither by what is searched for instead, nor by that nothing is: somebody else may have written it."""
    ana = await desk.person(Role.CUSTOMER, ANA)
    await desk.take(
        received(ANA, subject="Mine", text="about Jonsen"),
        received("bo@example.com", subject="Other", text="bankruptcy of Jonson"),
    )
    await note(desk, "Mine", "a fraudster")
    await index(desk)
    for line in ("bankrupcty", "fraudtser", "bankruptcies", "fraudsters"):
        answer = (await ana.client.get("/api/tickets/search", q=line)).json()
        assert (answer["items"], answer["corrected"]) == ([], []), line
    for line in ("jonson", "jonsan"):
        answer = (await ana.client.get("/api/tickets/search", q=line)).json()
        assert answer["corrected"] == [{"written": line, "searched": ["jonsen"]}]


async def test_a_misspelling_that_somebody_wrote_once_stands_for_the_word(desk: Desk) -> None:
    """One ticket with it was enough, and nobody was corrected ever after."""
    agent = await desk.person()
    await desk.take(
        received(subject="Refund not received"),
        received("bo@example.com", subject="Other", text="I have not recieved it", received_at=at(1)),
    )
    await index(desk)
    answer = (await agent.client.get("/api/tickets/search", q="refund recieved")).json()
    assert [hit["ticket"]["subject"] for hit in answer["items"]] == ["Refund not received"]
    assert answer["corrected"] == [{"written": "recieved", "searched": ["received"]}]
    # Frequent words that are never together would be looked up once more, whole: what is new has to be there.
    async with sent(desk.database) as statements:
        assert await find(agent, "refund recieved") == ["Refund not received"]
    (last,) = [each for each in statements if "span" in each.sql][1:]
    assert "& (('received'))" in str(last.parameters)
    # Where it is found as it is, it is not corrected.
    assert await find(agent, "recieved") == ["Other"]
    assert await find(agent, "recieved -other") == ["Refund not received"]


async def test_a_word_that_many_tickets_have_is_written_right(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequent words that are never together were looked up once more, with all that is near them."""
    agent = await desk.person()
    await desk.take(
        received(subject="Refund not received"),
        received("bo@example.com", subject="Other", text="I have not recieved it", received_at=at(1)),
    )
    await index(desk)
    monkeypatch.setattr("services.tickets.repository.search._COMMON", 0)
    monkeypatch.setattr("services.tickets.repository.search._COMMON_SHARE", 0)
    assert await find(agent, "refund recieved") == []


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CUSTOMER])
async def test_however_many_words_nobody_wrote_the_searches_are_few(desk: Desk, role: Role) -> None:
    """Each letter of each word had a search of its own: half a minute, and for customers through all they have."""
    person = await desk.person(role, ANA)
    await desk.take(received(ANA, text="パスワード再設定のメールが届きません。"))
    await index(desk)
    line = " ".join(f"番{letter}再設定のメイルが届{letter}" for letter in "あいうえおかきくけこ")
    async with sent(desk.database) as statements:
        assert await find(person, line) == []
    assert len([each for each in statements if "search_documents" in each.sql]) <= 9


async def test_what_no_guess_finds_is_guessed_once(desk: Desk) -> None:
    """Where there are no other words to look for beside it, the same was looked for again."""
    agent = await desk.person()
    await desk.take(received(text="パスワード再設定のメールが届きません。"))
    await index(desk)
    async with sent(desk.database) as statements:
        assert await find(agent, "番号再設定のメイルが届") == []
    assert len([each for each in statements if "span" in each.sql]) == 2


async def test_the_last_page_of_the_best_looks_for_nothing_older(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(*(received(f"c{n}@example.com", subject=f"Lamp {n}", received_at=at(n)) for n in range(4)))
    await index(desk)
    first = (await agent.client.get("/api/tickets/search", q="lamp", limit=2)).json()
    searches = []
    for query in ({"limit": 2}, {"limit": 2, "cursor": first["next_cursor"]}):
        async with sent(desk.database) as statements:
            page = (await agent.client.get("/api/tickets/search", q="lamp", **query)).json()
        assert len(page["items"]) == 2
        searches.append(len([each for each in statements if "span" in each.sql]))
    assert searches == [1, 1]


async def test_customers_search_in_their_newest_tickets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each document of theirs is read, so they are not endlessly many; fields lead to what is older."""
    monkeypatch.setattr("services.tickets.repository.search._OWN", 2)
    ana = await desk.person(Role.CUSTOMER, ANA)
    await desk.take(*(received(ANA, subject=f"Lamp {n}", received_at=at(n * 86_400)) for n in range(4)))
    await index(desk)
    assert await find(ana, "lamp") == ["Lamp 3", "Lamp 2"]
    assert await find(ana, "lamp created<2026-03-04") == ["Lamp 1", "Lamp 0"]


async def test_phrases_are_looked_for_in_the_newest_that_have_their_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where words stand each document has to be asked, so they are not endlessly many; fields lead to what is older."""
    monkeypatch.setattr("services.tickets.repository.search._LOOKED_INTO", 2)
    monkeypatch.setattr("services.tickets.service.search.BEST_OF", 1)
    agent = await desk.person()
    subjects = ("Late refund", "A refund is late", "Refund, and late", "Late refund again")
    await desk.take(*(received(subject=subject, received_at=at(n * 86_400)) for n, subject in enumerate(subjects)))
    await index(desk)
    assert await find(agent, '"late refund"', limit=1) == ["Late refund again"]
    await desk.take(*(received(subject="No refund, too late", received_at=at(n * 86_400)) for n in (5, 6)))
    await index(desk)
    assert await find(agent, '"late refund"', limit=1) == []
    assert await find(agent, '"late refund" created<2026-03-04', limit=1) == ["Late refund"]
