"""An organisation calls things by its own names: a type made by an admin, given by an agent, found by it again."""

from tests.e2e.story import message, ticket_of
from tests.running_desk import RunningDesk

SETTINGS = "/api/settings/tickets"
RETURN = {"key": "return_of_goods", "category": "billing", "labels": {"en": "Return", "es": "Devolución"}}


def test_a_type_of_the_organisations_own_is_given_and_found(desk: RunningDesk) -> None:
    with desk.system() as system, desk.client(desk.admin) as admin, desk.client(desk.agent) as agent:
        ticket = ticket_of(
            system, system.post("/api/ingest/messages", json=message("It does not fit.")).json()["status_url"]
        )
        path = f"/api/tickets/{ticket['id']}"
        read = admin.get(SETTINGS)
        document = {name: read.json()[name] for name in read.json().keys() - {"version", "changed_at", "changed_by"}}
        with_it = {**document, "types": [*document["types"], RETURN]}
        seen = {"If-Match": f'"{read.json()["version"]}"'}
        assert admin.put(SETTINGS, json=with_it, headers=seen).status_code == 200

        given = agent.patch(path, json={"type_key": RETURN["key"]}, headers={"If-Match": "*"})
        assert given.status_code == 200, given.text
        assert (given.json()["type"], given.json()["type_labels"]) == ("billing", RETURN["labels"])
        found = agent.get("/api/tickets", params={"where": f"type:{RETURN['key']}"}).json()["items"]
        assert [each["id"] for each in found] == [ticket["id"]]
        refused = admin.put(SETTINGS, json=document, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/type-in-use")

        back = agent.patch(path, json={"type": ticket["type"]}, headers={"If-Match": "*"})
        assert back.json()["type_key"] == ticket["type"]
        assert admin.put(SETTINGS, json=document, headers={"If-Match": "*"}).status_code == 200
