"""Somebody finds a ticket by what they remember of it: another form of a word, a misspelt one, one of the subject."""

import httpx

from shared.ids import uuid7
from tests.e2e.story import assigned, eventually, message, ticket_of
from tests.running_desk import RunningDesk


def test_a_ticket_is_found_by_other_forms_misspellings_and_its_subject(desk: RunningDesk) -> None:
    word = "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid7().hex[-12:])  # that is nowhere else
    with desk.system() as system, desk.client(desk.admin) as agent:
        told = message(f"My {word}s were never refunded, and nobody answers.", subject="Missing refunds")
        mentioned = message(f"I have had my {word} for a year and like it.", subject="Praise")
        for each in (told, mentioned):
            posted = system.post("/api/ingest/messages", json=each, headers={"Idempotency-Key": str(uuid7())})
            assert posted.status_code == 202, posted.text
            assigned(system, ticket_of(system, posted.json()["status_url"])["id"])

        def found(line: str, count: int) -> httpx.Response:
            def look() -> httpx.Response | None:
                answer = agent.get("/api/tickets/search", params={"q": line})
                assert answer.status_code == 200, answer.text
                return answer if len(answer.json()["items"]) == count else None

            return eventually(look, f"{count} hits of {line}")

        (hit,) = found(f"{word}s refunding", 1).json()["items"]
        assert hit["ticket"]["subject"] == "Missing refunds"
        assert f"{word}s" in [piece["text"] for piece in hit["excerpt"]["pieces"] if piece["found"]]
        wrong = word[:5] + word[6:]
        corrected = found(wrong, 2).json()["corrected"]
        assert corrected[0]["written"] == wrong
        assert word in corrected[0]["searched"]
        assert found(f"subject:praise {word}", 1).json()["items"][0]["ticket"]["subject"] == "Praise"
        assert found(f"subject:missing {word}s", 1).json()["corrected"] == []
