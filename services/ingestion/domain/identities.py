"""Who the desk is towards its customers: one identity for each mailbox it reads and writes as."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from services.ingestion.domain.addresses import Mailbox

DEFAULT_BRAND = "default"


@dataclass(frozen=True, slots=True)
class Identity:
    """A mailbox of ours, and where belongs what comes through it. `id` is None for that of the settings."""

    id: UUID | None
    mailbox: Mailbox
    brand: str = DEFAULT_BRAND
    group: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Identities:
    """All identities. The first of a brand speaks for it; the default one speaks where there is no other."""

    default: Identity
    others: Sequence[Identity] = ()

    def of_address(self, address: str) -> Identity | None:
        """Whose address (normalised) it is, with or without a token after a plus; None where it is not ours."""
        local, _, domain = address.rpartition("@")
        return self._by_address.get(f"{local.partition('+')[0]}@{domain}")

    def of(self, id_: UUID | None) -> Identity:
        """The identity of this mailbox; the default one where that is gone."""
        return self.default if id_ is None else self._by_id.get(id_, self.default)

    def knows(self, ids: Iterable[UUID | None]) -> bool:
        """Whether all of these mailboxes are there."""
        return all(id_ is None or id_ in self._by_id for id_ in ids)

    def of_brand(self, brand: str) -> Identity:
        """Who speaks for a brand: the default identity if it is of it, or nobody is."""
        return next((each for each in self._all if each.brand == brand), self.default)

    def reached(self, id_: UUID | None, addresses: Iterable[str]) -> Identity:
        """Through whom a mail came: the mailbox it was found in, else the first of ours that it was written to."""
        if id_ is not None and id_ in self._by_id:
            return self._by_id[id_]
        return next((own for each in addresses if (own := self.of_address(each)) is not None), self.default)

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains of all our addresses."""
        return frozenset(each.mailbox.domain for each in self._all)

    @property
    def _all(self) -> tuple[Identity, ...]:
        return (self.default, *self.others)

    @cached_property
    def _by_address(self) -> dict[str, Identity]:
        return {each.mailbox.address: each for each in reversed(self._all)}

    @cached_property
    def _by_id(self) -> dict[UUID, Identity]:
        return {each.id: each for each in self._all if each.id is not None}
