"""OpenPGP (RFC 9580): what is encrypted for the desk's keys, or signed by those of its correspondents."""

from collections.abc import Sequence
from datetime import datetime

from pysequoia import Cert, PyDecryptor, Sig, Tsk, decrypt, verify
from pysequoia.packet import PacketPile, Tag

from services.ingestion.domain.addresses import parse_mailboxes
from services.ingestion.domain.mail.keys import MAX_ADDRESSES, KeyRejectedError, MailKey, MailKeys
from services.ingestion.domain.mail.values import ClosedError, SignatureOf

_NO_KEY = ("No key to decrypt message", "Missing session key")
# The library does not look for signatures in what was compressed before it was encrypted.
_COMPRESSED = "Unexpected message structure"
# What the library raises; what it says has lines of its insides, which are nobody's business.
_Trouble = (RuntimeError, ValueError, OSError)


class _Asked:
    """Gives the library the keys it asks for, and knows which."""

    def __init__(self, keys: MailKeys) -> None:
        self._keys = keys.of_kind("pgp")
        self.ids: list[str] = []

    def __call__(self, ids: Sequence[str]) -> list[Cert]:
        self.ids.extend(each.lower() for each in ids)
        return [Cert.from_bytes(key.public) for key in self.known]

    @property
    def known(self) -> list[MailKey]:
        """The keys that were asked for, where they are ours to look with. A short id is the end of a fingerprint."""
        return [key for key in self._keys if any(own.endswith(each) for own in key.ids for each in self.ids)]


def decrypted(data: bytes, keys: MailKeys, sender: str) -> tuple[bytes, SignatureOf | None]:
    """The content of an encrypted message, and whose signature is in it. Raises ClosedError."""
    closed = ClosedError("no_key")
    for key in keys.of_kind("pgp"):
        if key.secret is None:
            continue
        try:
            return _decrypted(data, Tsk.from_bytes(key.secret).decryptor(key.passphrase), keys, sender)
        except ClosedError as error:
            closed = error if closed.reason == "no_key" else closed
        except _Trouble:
            continue  # a key that cannot decrypt
    raise closed


def _decrypted(data: bytes, decryptor: PyDecryptor, keys: MailKeys, sender: str) -> tuple[bytes, SignatureOf | None]:
    asked = _Asked(keys)
    try:
        opened = decrypt(decryptor=decryptor, bytes=data, store=asked)
        return opened.bytes or b"", _judged(opened.valid_sigs[0].certificate, asked, keys, sender)
    except MemoryError:
        raise ClosedError("out_of_bounds") from None
    except _Trouble as error:
        words = str(error)
    # Without a signature that holds nothing comes; so once more, for the content alone.
    try:
        plain = decrypt(decryptor=decryptor, bytes=data).bytes or b""
    except MemoryError:
        raise ClosedError("out_of_bounds") from None
    except _Trouble as error:
        raise ClosedError("no_key" if str(error).startswith(_NO_KEY[0]) else "damaged") from None
    if not asked.ids:
        return plain, None
    return plain, _failed(asked, keys, unchecked=words.startswith(_COMPRESSED))


def verified(content: bytes, signature: bytes, keys: MailKeys, sender: str) -> SignatureOf:
    """Whose signature of `content` it is, and what that is worth."""
    asked = _Asked(keys)
    try:
        found = verify(bytes=content, store=asked, signature=Sig.from_bytes(signature))
    except _Trouble:
        return _failed(asked, keys)
    return _judged(found.valid_sigs[0].certificate, asked, keys, sender)


def clear_signed(text: bytes, keys: MailKeys, sender: str) -> tuple[bytes | None, SignatureOf]:
    """The text within its armour (None where no signature of ours to check holds it), and whose signature it has."""
    asked = _Asked(keys)
    try:
        found = verify(bytes=text, store=asked)
    except _Trouble:
        return None, _failed(asked, keys)
    return found.bytes, _judged(found.valid_sigs[0].certificate, asked, keys, sender)


def _judged(fingerprint: str, asked: _Asked, keys: MailKeys, sender: str) -> SignatureOf:
    """What a signature that holds is worth."""
    key = next(each for each in asked.known if each.fingerprint == fingerprint)
    who = SignatureOf("valid", sender if sender in key.addresses else next(iter(key.addresses), ""), fingerprint)
    if _is_over(key, keys.at):
        return who.but("expired")
    return who if sender in key.addresses else who.but("wrong_address")


def _failed(asked: _Asked, keys: MailKeys, *, unchecked: bool = False) -> SignatureOf:
    """What a signature that does not hold is worth."""
    if not asked.known:
        return SignatureOf("unknown_key", fingerprint=next(iter(asked.ids), "")[:64])
    key = asked.known[0]
    who = SignatureOf("altered", next(iter(key.addresses), ""), key.fingerprint)
    if unchecked:
        return who.but("unchecked")
    return who.but("expired") if _is_over(key, keys.at) else who


def _is_over(key: MailKey, at: datetime) -> bool:
    return key.is_over(at) or bool(Cert.from_bytes(key.public).is_revoked)


def read_key(data: str, passphrase: str | None) -> MailKey:
    """A public key, or one with its secrets, in armour. Raises KeyRejectedError."""
    raw = data.encode()
    try:
        found = Cert.split_bytes(raw)
        if len(found) != 1:
            raise KeyRejectedError("several_keys", "Hand in one key at a time.")
        certificate = found[0]
    except _Trouble as error:
        words = "This is no OpenPGP key. Export it with its armour (-----BEGIN PGP … KEY BLOCK-----)."
        raise KeyRejectedError("not_understood", words) from error
    secret = _secret(raw, passphrase) if "PRIVATE KEY BLOCK" in data[:200] else None
    users = [str(each) for each in certificate.user_ids]
    addresses = [each.address for user in users for each in parse_mailboxes(user, limit=2)]
    if not addresses:
        raise KeyRejectedError("no_address", "The key has no user with a mail address that its signatures vouch for.")
    public = bytes(certificate)
    return MailKey(
        kind="pgp",
        fingerprint=certificate.fingerprint,
        name=users[0],
        public=public,
        addresses=tuple(dict.fromkeys(addresses))[:MAX_ADDRESSES],
        ids=_ids(public),
        expires_at=certificate.expiration,
        secret=secret,
        passphrase=passphrase if secret is not None else None,
    )


def _secret(raw: bytes, passphrase: str | None) -> bytes:
    try:
        secret = Tsk.from_bytes(raw)
        secret.decryptor(passphrase)
    except _Trouble as error:
        words = "The private key does not open: enter its passphrase, and have a subkey for encryption that is valid."
        raise KeyRejectedError("does_not_open", words) from error
    return bytes(secret)


def _ids(public: bytes) -> tuple[str, ...]:
    """The fingerprints of a key and its subkeys: signatures name one of them."""
    keys = (packet for packet in PacketPile.from_bytes(public) if packet.tag in (Tag.PublicKey, Tag.PublicSubkey))
    return tuple(packet.fingerprint.lower() for packet in keys if packet.fingerprint is not None)
