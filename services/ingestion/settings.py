"""Settings of ingestion: `DESK_INGESTION_…`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.tokens import KEY_BYTES, MAX_DOMAIN_CHARS, MAX_LOCAL_CHARS
from shared.settings import Settings


def _env(name: str) -> str:
    return f"DESK_INGESTION_{name}"


class IngestionSettings(Settings):
    """What ingestion needs beyond the settings of every service.

    `mail_address` is where customers write to and what replies come from. Without `smtp_url`
    (`smtp://[user:password@]host[:port]` or `smtps://…`) mail is written into `outgoing_dir`. `token_key` (hex, 32
    bytes) signs reply addresses; without it a key is made once and kept in the schema. `trusted_authserv_id` names the
    mail server whose Authentication-Results count; without it nobody's do. `max_unattached_mib` is what one account may
    have uploaded that no message uses yet.
    """

    mail_address: str = Field(default="support@desk.example", validation_alias=_env("MAIL_ADDRESS"))
    mail_name: str = Field(default="Support", validation_alias=_env("MAIL_NAME"))
    smtp_url: str | None = Field(default=None, repr=False, validation_alias=_env("SMTP_URL"))
    smtp_timeout_seconds: float = Field(default=30, gt=0, validation_alias=_env("SMTP_TIMEOUT_SECONDS"))
    outgoing_dir: Path = Field(default=Path(".desk/outgoing"), validation_alias=_env("OUTGOING_DIR"))
    token_key: str | None = Field(default=None, repr=False, validation_alias=_env("TOKEN_KEY"))
    trusted_authserv_id: str | None = Field(default=None, validation_alias=_env("TRUSTED_AUTHSERV_ID"))

    mail_parsers: int = Field(default=2, ge=1, le=32, validation_alias=_env("MAIL_PARSERS"))
    mail_parser_seconds: float = Field(default=5, gt=0, validation_alias=_env("MAIL_PARSER_SECONDS"))
    mail_parser_memory_mib: int = Field(default=512, ge=64, validation_alias=_env("MAIL_PARSER_MEMORY_MIB"))

    # How often a worker without an api in its process looks for stored mail; beside one it is woken.
    mail_poll_seconds: float = Field(default=0.25, gt=0, validation_alias=_env("MAIL_POLL_SECONDS"))

    max_unattached_mib: int = Field(default=200, ge=1, validation_alias=_env("MAX_UNATTACHED_MIB"))
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
        return self

    @property
    def mailbox(self) -> Mailbox:
        """The desk's own mailbox."""
        return Mailbox(self.mail_address, self.mail_name)
