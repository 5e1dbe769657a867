"""S/MIME (RFC 8551): content that is enveloped or signed in the Cryptographic Message Syntax (RFC 5652).

What mail programs write is BER as often as DER, which the library of ciphers does not read: so another one takes the
structure apart. Revocation is not asked for; that would take the network.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.mail.keys import (
    MAX_ADDRESSES,
    MAX_RSA_BITS,
    MIN_RSA_BITS,
    KeyKind,
    KeyRejectedError,
    MailKey,
    MailKeys,
)
from services.ingestion.domain.mail.values import ClosedError, SignatureOf

# Of one mail; more are there to take time.
_MAX_CERTIFICATES = 20
_MAX_SIGNERS = 5
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
# SHA-1 hides the key of old programs (RSAES-OAEP); as a signature's it counts as none.
_OAEP_HASHES = {**_HASHES, "sha1": hashes.SHA1()}  # noqa: S303 - OAEP does not rest on collisions
_BLOCK_BITS = 128
_MAX_NAME_CHARS = 300
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----.+?-----END [A-Z ]{0,20}PRIVATE KEY-----", re.DOTALL)


class _Unchecked(Exception):
    """It is signed by means that are not known here, or too weak."""


def decrypted(data: bytes, keys: Iterable[MailKey]) -> bytes:
    """The content of an enveloped mail. Raises ClosedError."""
    try:
        return _decrypted(data, keys)
    except ClosedError:
        raise
    except MemoryError:
        raise ClosedError("out_of_bounds") from None
    except Exception as error:  # a stranger's structure breaks the library in whatever way it likes
        raise ClosedError("damaged") from error


def _decrypted(data: bytes, keys: Iterable[MailKey]) -> bytes:
    content = _content(data)
    if content["content_type"].native != "enveloped_data":
        raise ClosedError("unsupported")
    recipient, key = _recipient(content["content"]["recipient_infos"], keys)
    encrypted = content["content"]["encrypted_content_info"]
    algorithm = encrypted["content_encryption_algorithm"]
    name = algorithm["algorithm"].native
    if name not in {"aes128_cbc", "aes192_cbc", "aes256_cbc"}:
        raise ClosedError("unsupported")
    session_key = _opened_key(recipient, key)
    if 8 * len(session_key) != int(name[3:6]):
        raise ClosedError("damaged")
    decryptor = Cipher(algorithms.AES(session_key), modes.CBC(algorithm["parameters"].native)).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    plain = unpadder.update(decryptor.update(encrypted["encrypted_content"].native) + decryptor.finalize())
    return plain + unpadder.finalize()


def kind_of(data: bytes) -> str:
    """What is in it, as RFC 5652 calls it (`signed_data`, `enveloped_data`, …). Raises ClosedError."""
    return str(_content(data)["content_type"].native)


def signed_content(data: bytes) -> bytes:
    """What a mail holds that is signed as a whole. Raises ClosedError."""
    try:
        inner = _content(data)["content"]["encap_content_info"]["content"].native
    except Exception as error:  # as above
        raise ClosedError("damaged") from error
    if not isinstance(inner, bytes):
        raise ClosedError("damaged")
    return inner


def verified(data: bytes, content: bytes, keys: MailKeys, sender: str) -> SignatureOf:
    """Whose signature of `content` it is, and what that is worth: the best of those that are there."""
    try:
        signed = _content(data)["content"]
        certificates = _certificates(signed)
        signers = list(signed["signer_infos"])[:_MAX_SIGNERS]
        found = [_verified(each, signed, certificates, content, keys, sender) for each in signers]
    except Exception:  # noqa: BLE001 - as above
        return SignatureOf("altered")
    return next((each for each in found if each.state == "valid"), found[0] if found else SignatureOf("altered"))


def _verified(
    signer: Any, signed: Any, certificates: Sequence[x509.Certificate], content: bytes, keys: MailKeys, sender: str
) -> SignatureOf:
    certificate = next((each for each in certificates if _is_of(signer["sid"], each)), None)
    if certificate is None:
        return SignatureOf("unknown_key")
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    addresses = addresses_of(certificate)
    who = SignatureOf("valid", sender if sender in addresses else next(iter(addresses), ""), fingerprint)
    try:
        _check(signer, signed, certificate, content)
    except _Unchecked:
        return who.but("unchecked")
    except InvalidSignature:
        return who.but("altered")
    others = [each for each in certificates if each is not certificate]
    authorities = [x509.load_der_x509_certificate(key.public) for key in keys.of_kind("authority")]
    if certificate.not_valid_after_utc < keys.at:
        # Somebody's whom an authority vouched for while it lasted.
        last = certificate.not_valid_after_utc - timedelta(seconds=1)
        return who.but("expired" if _is_vouched_for(certificate, others, authorities, last) else "unknown_key")
    if not _is_vouched_for(certificate, others, authorities, keys.at):
        return who.but("unknown_key")
    return who if sender in addresses else who.but("wrong_address")


def _check(signer: Any, signed: Any, certificate: x509.Certificate, content: bytes) -> None:
    """Raises InvalidSignature where the signature is not of this content by this key, _Unchecked where it can't say."""
    digest = _HASHES.get(signer["digest_algorithm"]["algorithm"].native)
    attributes = signer["signed_attrs"]
    # Without attributes a signature of attributes passes for one of a content that looks like them.
    if digest is None or not attributes:
        raise _Unchecked
    told = {each["type"].native: each["values"][0].native for each in attributes}
    hashed = hashes.Hash(digest)
    hashed.update(content)
    if told.get("message_digest") != hashed.finalize():
        raise InvalidSignature
    if told.get("content_type") != signed["encap_content_info"]["content_type"].native:
        raise InvalidSignature
    algorithm, signature = signer["signature_algorithm"], signer["signature"].native
    # They are signed as a SET, which their place in the message does not say (RFC 5652 section 5.4).
    data = attributes.untag().dump()
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        key.verify(signature, data, _rsa_padding(algorithm, digest), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(digest))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
    else:
        raise _Unchecked


def _rsa_padding(algorithm: Any, digest: hashes.HashAlgorithm) -> rsa_padding.AsymmetricPadding:
    if algorithm["algorithm"].native != "rsassa_pss":
        return rsa_padding.PKCS1v15()
    salt = algorithm["parameters"]["salt_length"].native
    return rsa_padding.PSS(rsa_padding.MGF1(digest), salt)


def _content(data: bytes) -> Any:
    try:
        content = cms.ContentInfo.load(data)
        _ = content["content_type"].native, content["content"]
    except Exception as error:  # as above
        raise ClosedError("damaged") from error
    return content


def _recipient(recipients: Any, keys: Iterable[MailKey]) -> tuple[Any, MailKey]:
    ours = [(x509.load_der_x509_certificate(key.public), key) for key in keys if key.secret is not None]
    for each in recipients:
        if each.name == "ktri":
            key = next((key for certificate, key in ours if _is_of(each.chosen["rid"], certificate)), None)
            if key is not None:
                return each.chosen, key
    raise ClosedError("no_key")


def _opened_key(recipient: Any, key: MailKey) -> bytes:
    assert key.secret is not None
    private = load_der_private_key(key.secret, None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ClosedError("unsupported")
    algorithm = recipient["key_encryption_algorithm"]
    name = algorithm["algorithm"].native
    how: rsa_padding.AsymmetricPadding
    if name in {"rsaes_pkcs1v15", "rsa"}:
        how = rsa_padding.PKCS1v15()
    elif name == "rsaes_oaep":
        parameters = algorithm["parameters"]
        digest = _OAEP_HASHES.get(parameters["hash_algorithm"]["algorithm"].native)
        mask = _OAEP_HASHES.get(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native)
        if digest is None or mask is None:
            raise ClosedError("unsupported")
        how = rsa_padding.OAEP(rsa_padding.MGF1(mask), digest, None)
    else:
        raise ClosedError("unsupported")
    return private.decrypt(recipient["encrypted_key"].native, how)


def _is_of(identifier: Any, certificate: x509.Certificate) -> bool:
    """Whether a certificate is the one that is meant, by its issuer and number or by its key."""
    if identifier.name == "issuer_and_serial_number":
        meant = identifier.chosen
        number = meant["serial_number"].native
        return bool(number == certificate.serial_number and meant["issuer"].dump() == certificate.issuer.public_bytes())
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return False
    return bool(identifier.chosen.native == own)


def _certificates(signed: Any) -> list[x509.Certificate]:
    chosen = [each.chosen for each in list(signed["certificates"])[:_MAX_CERTIFICATES] if each.name == "certificate"]
    return [x509.load_der_x509_certificate(each.dump()) for each in chosen]


def addresses_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The mail addresses that a certificate is for, in lower case. Those in its subject no authority has to check."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    found = [normalise_address(each) for each in names.get_values_for_type(x509.RFC822Name)]
    return tuple(dict.fromkeys(each for each in found if each is not None))[:MAX_ADDRESSES]


def _is_vouched_for(
    certificate: x509.Certificate, others: list[x509.Certificate], authorities: list[x509.Certificate], at: datetime
) -> bool:
    """Whether one of our authorities did, directly or through others, for signing mail (RFC 5280, RFC 8550)."""
    if not authorities:
        return False
    any_ = verification.Criticality.AGNOSTIC
    of_signer = verification.ExtensionPolicy.permit_all()
    of_signer = of_signer.may_be_present(x509.KeyUsage, any_, _signs)
    of_signer = of_signer.may_be_present(x509.ExtendedKeyUsage, any_, _is_for_mail)
    of_authority = verification.ExtensionPolicy.permit_all()
    of_authority = of_authority.require_present(x509.BasicConstraints, any_, _is_authority)
    of_authority = of_authority.may_be_present(x509.KeyUsage, any_, _signs_certificates)
    builder = verification.PolicyBuilder().store(verification.Store(authorities)).time(at)
    verifier = builder.extension_policies(ca_policy=of_authority, ee_policy=of_signer).build_client_verifier()
    try:
        verifier.verify(certificate, others)
    except verification.VerificationError:
        return False
    return True


def _signs(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("not for signatures")


def _is_for_mail(_policy: verification.Policy, _of: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    purposes = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and not purposes.intersection(usage):
        raise ValueError("not for mail")


def _is_authority(_policy: verification.Policy, _of: x509.Certificate, told: x509.BasicConstraints) -> None:
    if not told.ca:
        raise ValueError("no authority")


def _signs_certificates(_policy: verification.Policy, _of: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("not for certificates")


def read_key(data: str, passphrase: str | None) -> MailKey:
    """A certificate and its private key, as PEM or PKCS#12 (base64). Raises KeyRejectedError."""
    try:
        certificates, private = _loaded(data, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        words = (
            "No certificate with its private key is in this, or the passphrase is another one. Hand in PEM with both, "
            "or PKCS#12 (.p12, .pfx) in base64, and the passphrase where there is one."
        )
        raise KeyRejectedError("does_not_open", words) from error
    if not isinstance(private, rsa.RSAPrivateKey) or not MIN_RSA_BITS <= private.key_size <= MAX_RSA_BITS:
        words = f"Only RSA keys of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits decrypt S/MIME here."
        raise KeyRejectedError("unsupported_key", words)
    own = next((each for each in certificates if each.public_key() == private.public_key()), None)
    if own is None:
        raise KeyRejectedError("no_certificate", "The certificate of this private key is not with it.")
    form = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return replace(_described(own, "smime"), addresses=addresses_of(own), secret=form)


def read_authority(data: str) -> MailKey:
    """The certificate of an authority, as PEM. Raises KeyRejectedError."""
    try:
        found = x509.load_pem_x509_certificates(data.encode())
    except ValueError as error:
        raise KeyRejectedError("not_understood", "Hand in the certificate of an authority as PEM.") from error
    if len(found) != 1:
        raise KeyRejectedError("several_keys", "Hand in one certificate at a time.")
    try:
        told = found[0].extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        told = None
    if told is None or not told.ca:
        words = "This certificate may not vouch for others (basic constraints without CA)."
        raise KeyRejectedError("no_authority", words)
    return _described(found[0], "authority")


def _loaded(data: str, passphrase: bytes | None) -> tuple[list[x509.Certificate], Any]:
    """Raises ValueError, TypeError, UnsupportedAlgorithm."""
    if "-----BEGIN" not in data:
        store = pkcs12.load_pkcs12(base64.b64decode(data), passphrase)
        certificates = [each.certificate for each in (store.cert, *store.additional_certs) if each is not None]
        return certificates, store.key
    private = _PRIVATE_KEY.search(data)
    if private is None:
        raise ValueError("no private key")
    key = load_pem_private_key(private[0].encode(), passphrase)
    return x509.load_pem_x509_certificates(data.encode()), key


def _described(certificate: x509.Certificate, kind: KeyKind) -> MailKey:
    return MailKey(
        kind=kind,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        name=certificate.subject.rfc4514_string()[:_MAX_NAME_CHARS],
        public=certificate.public_bytes(Encoding.DER),
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )
