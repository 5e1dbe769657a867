"""Settings of ingestion: `DESK_INGESTION_…`."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.files import BLOCKED_SUFFIXES, BLOCKED_TYPES, FilePolicy
from services.ingestion.domain.mailboxes import sealing_keys
from services.ingestion.domain.providers.secrets import ProviderSecrets
from services.ingestion.domain.providers.sendgrid import public_key
from services.ingestion.domain.tokens import KEY_BYTES, MAX_DOMAIN_CHARS, MAX_LOCAL_CHARS
from services.ingestion.egress import Allowed
from shared.portal import PortalSeal
from shared.settings import Settings


def _env(name: str) -> str:
    return f"DESK_INGESTION_{name}"


def _words(text: str | None, default: frozenset[str]) -> frozenset[str]:
    """The words of a list with commas between; `default` where there is no list, none where it is empty."""
    if text is None:
        return default
    return frozenset(word.strip().lower() for word in text.split(",") if word.strip())


class IngestionSettings(Settings):
    """What ingestion needs beyond the settings of every service.

    `mail_address` is where customers write to and what replies come from. Without `smtp_url`
    (`smtp://[user:password@]host[:port]` or `smtps://…`) mail is written into `outgoing_dir`; `smtp_connections` are
    open to a server at most. `token_key` (hex, 32 bytes) signs reply addresses; without it a key is made once and kept
    in the schema. `trusted_authserv_id` names the mail server whose Authentication-Results count; without it nobody's
    do. `max_unattached_mib` is what one account may have uploaded that no message uses yet.
    """

    mail_address: str = Field(default="support@desk.example", validation_alias=_env("MAIL_ADDRESS"))
    mail_name: str = Field(default="Support", validation_alias=_env("MAIL_NAME"))
    smtp_url: str | None = Field(default=None, repr=False, validation_alias=_env("SMTP_URL"))
    smtp_timeout_seconds: float = Field(default=30, gt=0, validation_alias=_env("SMTP_TIMEOUT_SECONDS"))
    smtp_connections: int = Field(default=4, ge=1, le=64, validation_alias=_env("SMTP_CONNECTIONS"))
    # Some relays take mail of one envelope sender alone; without, a bounce is told by what it quotes of the mail.
    smtp_return_paths: bool = Field(default=True, validation_alias=_env("SMTP_RETURN_PATHS"))
    outgoing_dir: Path = Field(default=Path(".desk/outgoing"), validation_alias=_env("OUTGOING_DIR"))
    token_key: str | None = Field(default=None, repr=False, validation_alias=_env("TOKEN_KEY"))
    trusted_authserv_id: str | None = Field(default=None, validation_alias=_env("TRUSTED_AUTHSERV_ID"))

    # How many mails may leave within an hour: loops end there.
    max_mails_per_ticket: int = Field(default=60, ge=1, validation_alias=_env("MAX_MAILS_PER_TICKET"))
    max_mails_per_recipient: int = Field(default=60, ge=1, validation_alias=_env("MAX_MAILS_PER_RECIPIENT"))
    max_automatic_mails: int = Field(default=10, ge=1, validation_alias=_env("MAX_AUTOMATIC_MAILS"))
    max_mails: int = Field(default=20_000, ge=1, validation_alias=_env("MAX_MAILS"))

    mail_parsers: int = Field(default=2, ge=1, le=32, validation_alias=_env("MAIL_PARSERS"))
    mail_parser_seconds: float = Field(default=1, gt=0, validation_alias=_env("MAIL_PARSER_SECONDS"))
    mail_parser_memory_mib: int = Field(default=512, ge=64, validation_alias=_env("MAIL_PARSER_MEMORY_MIB"))

    # How often a worker without an api in its process looks for stored mail; beside one it is woken.
    mail_poll_seconds: float = Field(default=0.25, gt=0, validation_alias=_env("MAIL_POLL_SECONDS"))

    # Keys (hex, 32 bytes each) that secrets of mailboxes are sealed with, the newest first; beside them one made here.
    # A new one goes last until every process knows it, then first: within an hour the one before is not needed.
    sealing_keys: str | None = Field(default=None, repr=False, validation_alias=_env("SEALING_KEYS"))
    # Authorities (PEM) that certificates of mail servers are checked with, beside those of the system.
    mail_ca_file: Path | None = Field(default=None, validation_alias=_env("MAIL_CA_FILE"))
    # Mailboxes that a process reads at once, each by a connection of its own.
    imap_connections: int = Field(default=20, ge=1, le=500, validation_alias=_env("IMAP_CONNECTIONS"))
    imap_timeout_seconds: float = Field(default=30, gt=0, validation_alias=_env("IMAP_TIMEOUT_SECONDS"))
    # After this another process reads the mailboxes of one that is gone.
    imap_lease_seconds: float = Field(default=30, gt=0, validation_alias=_env("IMAP_LEASE_SECONDS"))
    # Internal hosts and networks that may be called over HTTP, with commas between.
    egress_allowed: str = Field(default="", validation_alias=_env("EGRESS_ALLOW"))
    # host:port at which mail servers hand mail over by LMTP; nobody listens without.
    lmtp_listen: str | None = Field(default=None, pattern=r"^.+:\d+$", validation_alias=_env("LMTP_LISTEN"))
    lmtp_connections: int = Field(default=20, ge=1, le=1000, validation_alias=_env("LMTP_CONNECTIONS"))

    max_unattached_mib: int = Field(default=200, ge=1, validation_alias=_env("MAX_UNATTACHED_MIB"))
    # After so many days mail in quarantine is deleted; without, it stays until somebody does.
    quarantine_days: int | None = Field(default=None, ge=1, validation_alias=_env("QUARANTINE_DAYS"))
    # Files that are kept, and not handed on: lists with commas between (`.exe,.js`), empty for none.
    blocked_suffixes: str | None = Field(default=None, validation_alias=_env("BLOCKED_SUFFIXES"))
    blocked_types: str | None = Field(default=None, validation_alias=_env("BLOCKED_TYPES"))
    # What is handed on of one mail's files.
    max_mail_files: int = Field(default=50, ge=1, validation_alias=_env("MAX_MAIL_FILES"))
    max_mail_files_mib: int = Field(default=50, ge=1, validation_alias=_env("MAX_MAIL_FILES_MIB"))
    # Files of a reply that are larger together are behind links in it.
    max_outgoing_mib: float = Field(default=15, ge=0, validation_alias=_env("MAX_OUTGOING_MIB"))
    # A virus scanner at tcp://host[:port] or unix:/path: files wait for it, unless it is to fail open.
    clamd: str | None = Field(default=None, validation_alias=_env("CLAMD"))
    clamd_seconds: float = Field(default=60, gt=0, le=300, validation_alias=_env("CLAMD_SECONDS"))
    clamd_fail_open: bool = Field(default=False, validation_alias=_env("CLAMD_FAIL_OPEN"))
    # Providers that tell by webhook: Mailgun's signing key, Postmark's user:password, SendGrid's public keys, the ARNs
    # of SNS topics of SES; lists have commas between.
    provider_mailgun_key: str | None = Field(default=None, repr=False, validation_alias=_env("PROVIDER_MAILGUN_KEY"))
    provider_postmark_login: str | None = Field(
        default=None, repr=False, validation_alias=_env("PROVIDER_POSTMARK_LOGIN")
    )
    provider_sendgrid_keys: str = Field(default="", validation_alias=_env("PROVIDER_SENDGRID_KEYS"))
    provider_ses_topics: str = Field(default="", validation_alias=_env("PROVIDER_SES_TOPICS"))

    # Seals what visitors prove themselves by; several with commas between, the newest first. Tickets needs the same.
    portal_secret: str | None = Field(default=None, repr=False, validation_alias="DESK_PORTAL_SECRET")

    # Where the edge connects from. Only from there X-Real-IP is believed, and only for counting what visitors send.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")), validation_alias=_env("TRUSTED_PROXIES")
    )

    max_unsent_events: int = Field(default=200_000, ge=1, validation_alias=_env("MAX_UNSENT_EVENTS"))
    min_free_disk_mib: int = Field(default=512, ge=0, validation_alias=_env("MIN_FREE_DISK_MIB"))

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if normalise_address(self.mail_address) != self.mail_address or "+" in self.mail_address:
            raise ValueError("mail_address has to be a plain address in lower case, without a plus")
        if not self.mailbox.local.isascii() or len(self.mailbox.local) > MAX_LOCAL_CHARS:
            raise ValueError(
                f"mail_address may have at most {MAX_LOCAL_CHARS} characters before the @, and only ASCII: "
                "reply addresses are made of it, and would be too long or refused by other mail servers"
            )
        if not self.mailbox.domain.isascii() or len(self.mailbox.domain) > MAX_DOMAIN_CHARS:
            raise ValueError(
                f"mail_address may have at most {MAX_DOMAIN_CHARS} characters after the @; "
                "write an international domain in its ASCII form (xn--…)"
            )
        if self.token_key is not None and len(bytes.fromhex(self.token_key)) != KEY_BYTES:
            raise ValueError(f"token_key has to be {KEY_BYTES} bytes in hex")
        # Empty is none at all; half of a login is no secret.
        if self.provider_postmark_login and not all(self.provider_postmark_login.partition(":")):
            raise ValueError("provider_postmark_login has to be user:password")
        _ = self.provider_secrets  # raises ValueError, too
        sealing_keys(self.sealing_keys)
        _ = self.portal_seal
        Allowed.of(self.egress_allowed)
        return self

    @property
    def file_policy(self) -> FilePolicy:
        """Which files are handed on."""
        return FilePolicy(
            blocked_suffixes=_words(self.blocked_suffixes, BLOCKED_SUFFIXES),
            blocked_types=_words(self.blocked_types, BLOCKED_TYPES),
            max_files=self.max_mail_files,
            max_total_bytes=self.max_mail_files_mib * 1024 * 1024,
            scanned=self.clamd is not None,
            unscanned_too=self.clamd_fail_open,
        )

    @property
    def provider_secrets(self) -> ProviderSecrets:
        """What providers prove themselves by."""
        return ProviderSecrets(
            self.provider_mailgun_key or None,
            self.provider_postmark_login or None,
            tuple(public_key(each.strip()) for each in self.provider_sendgrid_keys.split(",") if each.strip()),
            frozenset(each.strip() for each in self.provider_ses_topics.split(",") if each.strip()),
        )

    @property
    def portal_seal(self) -> PortalSeal | None:
        """What links of visitors are sealed with; without it there are none, and no pages."""
        return PortalSeal.of(self.portal_secret)

    @property
    def mailbox(self) -> Mailbox:
        """The desk's own mailbox."""
        return Mailbox(self.mail_address, self.mail_name)
