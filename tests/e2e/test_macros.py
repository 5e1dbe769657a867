"""A macro in two languages: written by an admin, previewed and applied by an agent, read by the customer in theirs."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from shared.ids import uuid7
from tests.e2e.story import eventually, message, ticket_of
from tests.running_desk import RunningDesk

MACRO = {
    "name": "Parcel is late",
    "shortcut": "late",
    "actions": {"status": "on_hold", "add_tags": ["late"], "assignee": "me"},
    "texts": {
        "en": {"text": "Hello {{ customer.first_name }}, your parcel is late. {{ agent.first_name }}"},
        "es": {"html": "<p>Hola {{ customer.first_name }}, tu paquete (n.º {{ ticket.number }}) <b>tarda</b>.</p>"},
    },
    "default_language": "en",
}


def test_a_customer_gets_a_macro_in_their_language(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.admin) as admin, desk.client(desk.agent) as agent:
        macro = admin.post("/api/macros", json=MACRO)
        assert macro.status_code == 201, macro.text
        asked = message("¿Dónde está mi paquete?", language="es")
        asked["sender"]["name"] = "María {{ agent.email }} <b>"
        ticket = ticket_of(system, system.post("/api/ingest/messages", json=asked).json()["status_url"])
        path = f"/api/tickets/{ticket['id']}"

        (found,) = agent.get("/api/macros", params={"shortcut": "late"}).json()["items"]
        preview = agent.post(f"/api/macros/{found['id']}/preview", json={"ticket_id": ticket["id"], "send": True})
        assert preview.status_code == 200, preview.text
        foreseen = preview.json()
        assert (foreseen["problems"], foreseen["text"]["language"]) == ([], "es")
        assert foreseen["changes"]["status"]["after"] == "on_hold"
        assert agent.get(path).json()["tags"] == ticket["tags"], "a preview changes nothing"

        applied = agent.post(
            f"{path}/macro",
            json={"macro_id": found["id"], "send": True, "expected_version": foreseen["thread_version"]},
            headers={"If-Match": f'"{foreseen["version"]}"', "Idempotency-Key": str(uuid7())},
        )
        if applied.status_code == 412:  # routing gave the ticket to somebody in between
            applied = agent.post(
                f"{path}/macro", json={"macro_id": found["id"], "send": True}, headers={"If-Match": "*"}
            )
        assert applied.status_code == 200, applied.text
        after = applied.json()
        assert after["text"]["text"] == f"Hola María, tu paquete (n.º {ticket['number']}) tarda."
        assert (after["ticket"]["status"], "late" in after["ticket"]["tags"]) == ("on_hold", True)

        def delivered() -> EmailMessage | None:
            letters = (
                message_from_bytes(each.read_bytes(), policy=default)
                for each in (desk.home / "outgoing").rglob("*.eml")
            )
            return next((each for each in letters if asked["sender"]["address"] in each["To"]), None)

        letter = eventually(delivered, "delivery of the macro's text")
        body = letter.get_body(("html",))
        assert body is not None
        assert f"<p>Hola María, tu paquete (n.º {ticket['number']}) <b>tarda</b>.</p>" in body.get_content()

        history = agent.get(f"{path}/history").json()["items"]
        assert (
            next(entry for entry in history if entry["cause"] == "macro")["changes"]["macro"]["after"]["language"]
            == "es"
        )
        assert agent.get(f"/api/macros/{found['id']}").json()["uses"] == 1
