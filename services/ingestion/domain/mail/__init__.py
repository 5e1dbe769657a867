"""Mail of strangers, from its bytes to values; one module for each thing that is read."""

from services.ingestion.domain.automatic import MailKind
from services.ingestion.domain.mail.body import MAX_PART_BYTES
from services.ingestion.domain.mail.encoded import decode_words
from services.ingestion.domain.mail.fields import (
    MAX_AUTHENTICATION_CHARS,
    MAX_ID_CHARS,
    MAX_REFERENCES,
    MAX_SUBJECT_CHARS,
    Fields,
    fingerprint,
)
from services.ingestion.domain.mail.keys import MAX_KEY_CHARS, KeyKind, KeyRejectedError, MailKey, MailKeys
from services.ingestion.domain.mail.reading import parse_mail, unopened
from services.ingestion.domain.mail.values import (
    MAX_OPENED_BYTES,
    MailAttachment,
    MailLimits,
    MailRejected,
    MailSecurity,
    ParsedMail,
    SignatureOf,
)

__all__ = [
    "MAX_AUTHENTICATION_CHARS",
    "MAX_ID_CHARS",
    "MAX_KEY_CHARS",
    "MAX_OPENED_BYTES",
    "MAX_PART_BYTES",
    "MAX_REFERENCES",
    "MAX_SUBJECT_CHARS",
    "Fields",
    "KeyKind",
    "KeyRejectedError",
    "MailAttachment",
    "MailKey",
    "MailKeys",
    "MailKind",
    "MailLimits",
    "MailRejected",
    "MailSecurity",
    "ParsedMail",
    "SignatureOf",
    "decode_words",
    "fingerprint",
    "parse_mail",
    "unopened",
]
