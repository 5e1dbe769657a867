"""How well mails of the labelled set are understood, by the rules that a mail goes through."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.mail import ParsedMail, parse_mail
from services.ingestion.domain.tokens import conversation_of, reply_address
from services.tickets.domain.threads import Candidate, Evidence, Hold, Join, OpenNew, decide
from shared.ids import uuid7
from tests.unit.ingestion.mail_clients import DESK, PARENT
from tests.unit.ingestion.mail_labels import CUSTOMER, TICKET, TOKEN_TO, Labelled

_KEY = b"k" * 32
_SERVER = "mx.desk.example"
_OWN = Identities(Identity(None, Mailbox(DESK, "Desk")))
_FEW = 10
_TICKET_ID, _CONVERSATION = uuid7(), uuid7()
# Whose reply address it is that a mail labelled with one is sent to.
_TOKEN = reply_address(_KEY, _OWN.default.mailbox, _CONVERSATION, CUSTOMER)


@dataclass(frozen=True)
class Read:
    """A labelled mail, and what was read of it."""

    label: Labelled
    mail: ParsedMail

    @property
    def kind(self) -> str:
        """What it was taken for; forwarded where it names whom it is from."""
        is_forwarded = self.mail.kind == "personal" and self.mail.forwarded_from is not None
        return "forwarded" if is_forwarded else str(self.mail.kind)

    @cached_property
    def wanted(self) -> Counter[str]:
        """The lines that are new."""
        return _lines(self.label.text)

    @cached_property
    def kept(self) -> Counter[str]:
        """The lines that were taken for new."""
        return _lines(self.mail.text)

    @property
    def is_text_right(self) -> bool:
        """Whether every line is there, and no other."""
        return self.wanted == self.kept

    @property
    def is_signature_gone(self) -> bool:
        """Whether no line of the signature is left."""
        return not _lines(self.label.signature) & self.kept

    @cached_property
    def goes(self) -> str:
        """Where the mail goes: `join`, `hold`, `review`, or `new`."""
        decision = decide(_evidence(self.mail), auto_submitted=self.mail.kind != "personal")
        if isinstance(decision, OpenNew):
            return "review" if decision.review else "new"
        return {Join: "join", Hold: "hold"}[type(decision)]


def read(labels: Iterable[Labelled]) -> list[Read]:
    """Read them all."""
    token = TOKEN_TO.encode()
    return [Read(label, parse_mail(label.raw.replace(token, _TOKEN.encode()))) for label in labels]


def _lines(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.strip())


def _evidence(mail: ParsedMail) -> Evidence:
    """What ties the mail to the one ticket there is, whose customer is the one that takes part."""
    assert mail.sender is not None
    candidate = Candidate(_TICKET_ID, TICKET, over=False, takes_part=mail.sender.address == CUSTOMER)
    proven = conversation_of(_KEY, _OWN, mail.delivered_to, mail.sender.address) == _CONVERSATION
    return Evidence(
        token=candidate if proven else None,
        reference=candidate if PARENT in mail.references else None,
        numbered=candidate if mail.ticket_number == TICKET else None,
        authentication=sender_authentication(
            mail.authentication_results, trusted=_SERVER, sender_domain=mail.sender.domain
        ),
    )


@dataclass(frozen=True)
class Score:
    """Of what was found, the share that is right; and of what there is to be found, the share that was."""

    precision: float
    recall: float
    cases: int


def _score(right: float, found: float, wanted: float, cases: int) -> Score:
    return Score(right / found if found else 1.0, right / wanted if wanted else 1.0, cases)


def new_text(reads: Sequence[Read]) -> Score:
    """Lines kept as new, among mails of people that are not passed on."""
    some = [each for each in reads if each.label.kind != "forwarded"]
    right = sum((each.wanted & each.kept).total() for each in some)
    found, wanted = (sum(lines(each).total() for each in some) for lines in (lambda r: r.kept, lambda r: r.wanted))
    return _score(right, found, wanted, len(some))


def exact(reads: Sequence[Read]) -> float:
    """The share of mails whose every line is right."""
    some = [each for each in reads if each.label.kind != "forwarded"]
    return sum(each.is_text_right for each in some) / len(some) if some else 1.0


def quoted(reads: Sequence[Read]) -> Score:
    """Mails of which something is to be left out."""
    return _flags(reads, lambda each: each.label.quoted, lambda each: each.mail.quoted)


def signatures(reads: Sequence[Read]) -> float:
    """The share of signatures of which no line is left."""
    some = [each for each in reads if each.label.signature]
    return sum(each.is_signature_gone for each in some) / len(some) if some else 1.0


def kind(reads: Sequence[Read], which: str) -> Score:
    """Mails of a kind; of the forwarded ones with whom they are from."""
    return _flags(
        reads,
        lambda each: each.label.kind == which,
        lambda each: each.kind == which,
        lambda each: each.label.original is None or _is_original(each),
    )


def _is_original(each: Read) -> bool:
    return each.mail.forwarded_from is not None and each.mail.forwarded_from.address == each.label.original


def goes(reads: Sequence[Read], where: str) -> Score:
    """Mails that belong somewhere."""
    some = [each for each in reads if each.label.goes is not None]
    return _flags(some, lambda each: each.label.goes == where, lambda each: each.goes == where)


def _flags(
    reads: Sequence[Read],
    wanted: Callable[[Read], bool],
    found: Callable[[Read], bool],
    also: Callable[[Read], bool] = lambda _: True,
) -> Score:
    right = sum(wanted(each) and found(each) and also(each) for each in reads)
    return _score(right, sum(map(found, reads)), sum(map(wanted, reads)), sum(map(wanted, reads)))


def places(reads: Sequence[Read]) -> float:
    """The share of mails that go where they belong."""
    some = [each for each in reads if each.label.goes is not None]
    return sum(each.goes == each.label.goes for each in some) / len(some) if some else 1.0


def languages(reads: Sequence[Read]) -> dict[str, list[Read]]:
    """The mails of each language; those of which there are few together."""
    found: dict[str, list[Read]] = {}
    for each in reads:
        found.setdefault(each.label.language, []).append(each)
    few = [name for name, some in found.items() if len(some) < _FEW]
    others = [each for name in few for each in found.pop(name)]
    return {**dict(sorted(found.items())), "others": others}
