"""Settings every process understands. All come from the environment; a service adds its own in `settings.py`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# As much is worth a batch of its own, and is answered without waiting any longer.
GATHERED_BYTES = 64 * 1024


class KafkaSettings(BaseSettings):
    """How to reach the broker, and what it can do.

    `profile` is `kafka` for Apache Kafka (idempotent producer, group session of 6 s or more) or `tansu` for the
    embedded broker, which has neither idempotence nor a minimum session.
    """

    model_config = SettingsConfigDict(env_prefix="DESK_KAFKA_", frozen=True)

    bootstrap: str = "127.0.0.1:9092"
    profile: Literal["kafka", "tansu"] = "kafka"
    partitions: int = Field(default=16, ge=1, le=1024)
    replication_factor: int = Field(default=1, ge=1, le=9)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-256"
    sasl_username: str | None = None
    sasl_password: str | None = Field(default=None, repr=False)
    linger_ms: int = 5
    # How long the broker keeps a reader waiting that has nothing to read. Apache Kafka answers as soon as there are
    # `fetch_min_bytes`, so waiting longer only spares both sides the asking.
    fetch_max_wait_ms: int = 500
    fetch_min_bytes: int = 1
    max_poll_records: int = 500
    # How often a relay that nobody wakes looks for unsent rows. Where api and worker are one process, every commit
    # wakes it, and the look is only for what another process left.
    relay_idle_seconds: float = Field(default=0.2, gt=0, le=30)
    topic_prefix: str = ""

    @property
    def idempotent_producer(self) -> bool:
        """Whether the broker has the idempotent producer."""
        return self.profile == "kafka"

    def gathering(self, milliseconds: int) -> "KafkaSettings":
        """For a reader that may wait so long for a batch: one event alone costs almost as much as twenty together."""
        return self.model_copy(update={"fetch_max_wait_ms": milliseconds, "fetch_min_bytes": GATHERED_BYTES})

    @property
    def session_timeout_ms(self) -> int:
        """How long a silent consumer keeps its partitions; Apache Kafka's default minimum is 6,000."""
        return 6000 if self.profile == "kafka" else 3000

    @property
    def heartbeat_interval_ms(self) -> int:
        """A third of the session, as Kafka's own documentation advises: two heartbeats may be lost."""
        return self.session_timeout_ms // 3


class S3Settings(BaseSettings):
    """How to reach an object store with the S3 API.

    Without `endpoint` it is Amazon's, where keys may be left to the machine's role. Whether TLS is spoken, the
    endpoint's scheme says; `ca_file` (PEM) holds authorities of one's own.
    """

    model_config = SettingsConfigDict(env_prefix="DESK_S3_", frozen=True, hide_input_in_errors=True)

    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/]+/?$")
    region: str = "us-east-1"
    access_key: str | None = Field(default=None, repr=False)
    secret_key: str | None = Field(default=None, repr=False)
    # `https://host/bucket`, not `https://bucket.host`, for which most servers would need names of their own.
    path_style: bool = True
    ca_file: Path | None = None
    timeout_seconds: float = Field(default=10, gt=0, le=60)


class Settings(BaseSettings):
    """Settings of one service process. `object_store` is a directory, or `s3://bucket/prefix`."""

    model_config = SettingsConfigDict(env_prefix="DESK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    database_pool_size: int = Field(default=10, ge=2, le=200)
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    object_store: Annotated[str, BeforeValidator(str)] = ".desk/objects"
    s3: S3Settings = Field(default_factory=S3Settings)
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otel_endpoint: str | None = None

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Bucket and prefix of the object store, or None where it is a directory."""
        scheme, separator, rest = self.object_store.partition("://")
        if not separator:
            return None
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError("DESK_OBJECT_STORE has to be a directory or s3://bucket/prefix")
        return bucket, prefix.strip("/")

    @model_validator(mode="after")
    def _object_store_is_reachable(self) -> Self:
        if self.bucket is None:
            return self
        if (self.s3.access_key is None) != (self.s3.secret_key is None):
            raise ValueError("DESK_S3_ACCESS_KEY and DESK_S3_SECRET_KEY go together: set both")
        if self.s3.endpoint is not None and self.s3.access_key is None:
            raise ValueError("DESK_S3_ENDPOINT needs a log-in: set DESK_S3_ACCESS_KEY and DESK_S3_SECRET_KEY")
        return self
