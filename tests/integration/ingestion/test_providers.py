"""Providers that tell by webhook: proven by their own signatures, stored before they are answered, and told once."""

import json
from typing import Any

import pytest
import pytest_asyncio

from services.ingestion.domain.tokens import bounce_address
from services.ingestion.service.providers import Providers
from tests.asgi import Answer, Client
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail
from tests.integration.ingestion.test_bounces import BOUNCED, DESK, Sent, dsn, suppressed
from tests.integration.ingestion.vendors import Mailgun, Postmark, Request, SendGrid, Sns, form

HOUR = 3600


class World:
    """A desk that listens to all of them."""

    def __init__(self) -> None:
        self.mailgun, self.postmark, self.sendgrid, self.sns = Mailgun(), Postmark(), SendGrid(), Sns()
        self.desk: Desk

    async def start(self, make_desk: MakeDesk) -> "World":
        self.desk = await make_desk(
            DESK_INGESTION_PROVIDER_MAILGUN_KEY=self.mailgun.key,
            DESK_INGESTION_PROVIDER_POSTMARK_LOGIN=self.postmark.login,
            DESK_INGESTION_PROVIDER_SENDGRID_KEYS=f"{SendGrid().public},{self.sendgrid.public}",
            DESK_INGESTION_PROVIDER_SES_TOPICS=self.sns.topic,
        )
        self.desk.app.state.providers = Providers(self.desk.settings.provider_secrets, self.sns)  # type: ignore[arg-type]
        return self

    async def post(self, name: str, request: Request) -> Answer:
        body, headers = request
        content_type = headers.get("content-type", "")
        return await Client(self.desk.app, headers).post(
            f"/api/ingest/providers/{name}", body, content_type=content_type
        )

    def mails(self, raw: bytes, **options: Any) -> dict[str, Request]:
        return {
            "mailgun/mime": self.mailgun.mail(raw, **options),
            "sendgrid": self.sendgrid.mail(raw, **options),
            "ses": self.sns.mail(raw, **options),
        }

    async def count(self) -> int:
        return int(await self.desk.scalar("SELECT count(*) FROM inbound_messages"))


@pytest_asyncio.fixture
async def world(make_desk: MakeDesk) -> World:
    return await World().start(make_desk)


async def test_a_mail_comes_by_each_of_them_and_is_one(world: World) -> None:
    raw = mail("Grüße, my printer is on fire.", Message_ID="<one@example.org>", Subject="Help")
    asked = {**world.mails(raw), "postmark": world.postmark.mail(raw)}
    for name, request in asked.items():
        answer = await world.post(name, request)
        assert (answer.status, answer.json()) == (200, {"status": "taken", "mails": 1, "events": 0}), name
    assert (await world.desk.post_mail(raw)).status == 202
    await world.desk.parse_all()
    assert await world.count() == 1
    [received] = await world.desk.events("message.received.v1")
    assert received["text"].strip() == "Grüße, my printer is on fire."
    doors = await world.desk.scalar("SELECT array_agg(door ORDER BY door) FROM mail_deliveries WHERE door <> 'api'")
    assert {"mailgun", "postmark", "sendgrid", "ses"} <= set(doors)


async def test_mail_that_is_no_text_comes_as_it_is(world: World) -> None:
    raw = b"From: ada@example.org\r\nContent-Type: text/plain; charset=latin-1\r\n\r\nGr\xfc\xdfe\x00\xff\r\n"
    for name, request in world.mails(raw).items():
        assert (await world.post(name, request)).status == 200, name
    key = await world.desk.scalar("SELECT raw_key FROM inbound_messages")
    assert (await world.desk.objects.get(key)) == b"X-Original-To: support@desk.example\r\n" + raw


async def test_what_is_not_signed_is_not_taken(world: World) -> None:
    raw = mail()
    strangers = {
        "mailgun/mime": Mailgun("guessed").mail(raw),
        "mailgun": Mailgun("guessed").event({"event": "delivered"}),
        "postmark": Postmark("postmark:guessed").mail(raw),
        "sendgrid": SendGrid().mail(raw),
        "ses": Sns().mail(raw),  # signed by another key than that of the certificate
    }
    for name, request in strangers.items():
        answer = await world.post(name, request)
        assert (answer.status, answer.json()["type"]) == (401, "/problems/not-proven"), name
        body, _ = request
        bare = await world.post(name, (body, {"content-type": "application/json"}))
        assert bare.status == 401, name
    changed, headers = world.sendgrid.mail(raw)
    assert (await world.post("sendgrid", (changed.replace(b"fire", b"ice!"), headers))).status == 401
    assert await world.count() == 0


async def test_what_was_signed_long_ago_is_not_taken(world: World) -> None:
    for name, request in world.mails(mail(), ago=5 * 24 * HOUR).items():
        assert (await world.post(name, request)).status == 401, name
    for name, request in world.mails(mail(), ago=-HOUR).items():
        assert (await world.post(name, request)).status == 401, name
    assert await world.count() == 0


async def test_what_is_told_again_changes_nothing_and_lends_itself_to_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = world.desk.watch_deletes(monkeypatch)
    for number, (name, request) in enumerate(world.mails(mail()).items()):
        await world.desk.execute("DELETE FROM inbound_messages")
        assert (await world.post(name, request)).json()["status"] == "taken", name
        again = await world.post(name, request)
        assert (again.status, again.json()["status"]) == (200, "known"), name
        assert await world.desk.scalar("SELECT count(*) FROM mail_deliveries") == number + 1
    assert waiting == [0] * 3
    # Mailgun's signature is of its token alone: whoever saw one could sign a mail of his own with it.
    body, headers = world.mailgun.mail(mail("Another"), token="t" * 50)
    assert (await world.post("mailgun/mime", (body, headers))).status == 200
    forged = await world.post("mailgun/mime", (body.replace(b"Another", b"A forged one"), headers))
    assert (forged.status, forged.json()["type"]) == (401, "/problems/not-proven")


async def test_what_cannot_be_taken_comes_again(world: World) -> None:
    asked: dict[str, Request] = {
        "mailgun/mime": form({name: value.encode() for name, value in world.mailgun.signed().items()}),
        "mailgun": world.mailgun.event({"event": "invented"}),
        "postmark": world.postmark.told({"MessageID": "1", "TextBody": "parsed"}),
        "sendgrid": world.sendgrid.signed(form({"text": b"parsed"})),
        "ses": world.sns.told({"notificationType": "Received", "receipt": {"action": {"type": "S3"}}}),
    }
    for name, request in asked.items():
        answer = await world.post(name, request)
        assert (answer.status, answer.json()["type"]) == (503, "/problems/not-understood"), name
        assert answer.headers["retry-after"] == "60"
        assert len(answer.json()["detail"]) > 20
    assert await world.desk.scalar("SELECT count(*) FROM webhook_receipts") == 0


async def test_certificates_come_from_sns_alone(world: World) -> None:
    for host in (
        "http://sns.us-east-1.amazonaws.com",
        "https://sns.us-east-1.amazonaws.com.evil.example",
        "https://evil.example/sns.us-east-1.amazonaws.com",
        "https://sns.us-east-1.amazonaws.com@evil.example",
        "https://s3.amazonaws.com",
        "https://sns.us-east-1.amazonaws.com:8443",
        "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes&Name=",
        "https://sns.us-east-1.amazonaws.com/x.pem?Action=GetTopicAttributes&Name=",
        "https://sns.us-east-1.amazonaws.com/\ud800",
    ):
        world.sns.host = host
        assert (await world.post("ses", world.sns.mail(mail()))).status == 401, host
    assert world.sns.visited == []
    world.sns.host = Sns.host
    world.sns.serves = b"<html>Come back later</html>"
    assert (await world.post("ses", world.sns.mail(mail()))).status == 503, "nothing is refused, nor kept, for that"
    world.sns.visited, world.sns.serves = [], None
    assert (await world.post("ses", world.sns.mail(mail("1"), version="1"))).status == 200
    assert (await world.post("ses", world.sns.mail(mail("2"), version="3"))).status == 401
    assert (await world.post("ses", world.sns.mail(mail("2")))).status == 200
    assert world.sns.visited == [world.sns.certificate_url], "it is asked for once"


async def test_a_subscription_is_confirmed_at_sns_and_for_our_topics(world: World) -> None:
    def asked(**fields: str) -> Request:
        confirmation: dict[str, Any] = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen"}
        return world.sns.request(world.sns.message(**{**confirmation, **fields}))

    url = f"{Sns.host}/?Action=ConfirmSubscription&Token=t"
    assert (await world.post("ses", asked(SubscribeURL="https://evil.example/"))).status == 401
    world.sns.topic = "arn:aws:sns:us-east-1:999999999999:mine"
    assert (await world.post("ses", asked(SubscribeURL=url))).status == 401
    world.sns.topic = Sns.topic
    assert url not in world.sns.visited
    world.sns.is_away = True
    assert (await world.post("ses", asked(SubscribeURL=url))).status == 503
    world.sns.is_away = False
    assert (await world.post("ses", asked(SubscribeURL=url))).status == 200
    assert world.sns.visited[-1] == url
    leaving = asked(Type="UnsubscribeConfirmation", SubscribeURL=url.replace("Token=t", "Token=u"))
    assert (await world.post("ses", leaving)).status == 200
    assert world.sns.visited[-1] == url, "what nobody here asked to leave is not left"


async def test_their_events_find_the_message(world: World) -> None:
    sent = [await Sent(world.desk, f"ada{number}@example.org").write() for number in range(4)]
    ses_mail = {"source": bounce_address(sent[3].key, DESK, sent[3].id, sent[3].recipient), "messageId": "of-ses"}
    mailgun = {
        "event": "failed",
        "severity": "permanent",
        "recipient": sent[0].recipient,
        "message": {"headers": {"message-id": sent[0].mail_id}},
        "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no such user"},
    }
    sendgrid = {"event": "bounce", "type": "bounce", "email": sent[1].recipient, "smtp-id": f"<{sent[1].mail_id}>"}
    postmark = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "Email": sent[2].recipient,
        "Details": "no such user",
        "Content": f"Received: x\r\nMessage-ID: <{sent[2].mail_id}>\r\n",
    }
    ses = {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": sent[3].recipient}]},
        "mail": ses_mail,
    }
    asked = {
        "mailgun": world.mailgun.event(mailgun),
        "sendgrid": world.sendgrid.events({**sendgrid, "status": "5.1.1"}, {"event": "open", "email": "x@y.example"}),
        "postmark": world.postmark.told(postmark),
        "ses": world.sns.told(ses),
    }
    for name, request in asked.items():
        answer = await world.post(name, request)
        assert (answer.status, answer.json()["events"]) == (200, 1), (name, answer.body)
    bounced = await world.desk.events(BOUNCED)
    assert [event["message_id"] for event in bounced] == [str(each.id) for each in (sent[0], sent[1], sent[2], sent[3])]
    assert all(event["is_permanent"] for event in bounced)
    assert len(await suppressed(world.desk, *(each.recipient for each in sent))) == 4


async def test_what_passes_and_what_arrived_changes_nothing(world: World) -> None:
    recipient = {"recipient": "ada@example.org", "email": "ada@example.org"}
    quiet = {
        "mailgun": world.mailgun.event({"event": "failed", "severity": "temporary", **recipient}),
        "sendgrid": world.sendgrid.events(
            {"event": "deferred", **recipient}, {"event": "delivered", **recipient}, {"event": "processed", **recipient}
        ),
        "postmark": world.postmark.told({"RecordType": "Bounce", "Type": "Transient", "Email": "ada@example.org"}),
        "ses": world.sns.told({"notificationType": "Delivery", "mail": {}, "delivery": {}}),
    }
    for name, request in quiet.items():
        assert (await world.post(name, request)).status == 200, name
    assert await world.desk.events(BOUNCED) == []
    assert await suppressed(world.desk, "ada@example.org") == {}
    complaints = {
        "mailgun": world.mailgun.event({"event": "complained", "recipient": "a@x.example"}),
        "sendgrid": world.sendgrid.events({"event": "spamreport", "email": "b@x.example"}),
        "postmark": world.postmark.told({"RecordType": "SpamComplaint", "Email": "c@x.example"}),
        "ses": world.sns.told(
            {"eventType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": "d@x.example"}]}}
        ),
    }
    for name, request in complaints.items():
        assert (await world.post(name, request)).status == 200, name
    assert await suppressed(world.desk, "a@x.example", "b@x.example", "c@x.example", "d@x.example") == dict.fromkeys(
        ("a@x.example", "b@x.example", "c@x.example", "d@x.example"), "complaint"
    )


async def test_a_report_that_comes_as_mail_finds_its_return_path(world: World) -> None:
    """The address it was for is in the envelope alone, which the provider tells beside the mail."""
    sent = await Sent(world.desk).write()
    answer = await world.post("mailgun/mime", world.mailgun.mail(dsn(), recipient=sent.path(sent.recipient)))
    assert answer.status == 200
    await world.desk.parse_all()
    assert [event["message_id"] for event in await world.desk.events(BOUNCED)] == [str(sent.id)]


async def test_who_is_not_set_up_is_not_heard(desk: Desk) -> None:
    for name in ("mailgun", "postmark", "sendgrid", "ses", "another"):
        answer = await Client(desk.app).post(f"/api/ingest/providers/{name}", json.dumps({}).encode())
        assert answer.status == 404, name
