"""Settings of the gateway."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import Settings


class GatewaySettings(Settings):
    """What the gateway reads from the environment, besides what every process does."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # Encrypts the private signing keys in the database; without it they are as secret as the database's backups.
    key_secret: SecretStr | None = Field(default=None, validation_alias="DESK_GATEWAY_KEY_SECRET", min_length=16)

    bootstrap_email: str | None = Field(default=None, validation_alias="DESK_GATEWAY_BOOTSTRAP_EMAIL")
    bootstrap_password: SecretStr | None = Field(default=None, validation_alias="DESK_GATEWAY_BOOTSTRAP_PASSWORD")

    password_workers: int = Field(default=1, ge=1, le=16, validation_alias="DESK_GATEWAY_PASSWORD_WORKERS")

    # Where the edge connects from. Only from there X-Real-IP is believed, and only for counting tries to sign in.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")), validation_alias="DESK_GATEWAY_TRUSTED_PROXIES"
    )

    live_retention: timedelta = Field(default=timedelta(hours=1), validation_alias="DESK_GATEWAY_LIVE_RETENTION")
