"""Table of keys of mail."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.ingestion.models.base import metadata, moment

# Keys that mail is decrypted with and signatures are verified by. `public` is a certificate or a public key, `secrets`
# the private one and its passphrase, sealed. `ids` are what signatures may call the key.
mail_keys = Table(
    "mail_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("addresses", ARRAY(Text), nullable=False, server_default="{}"),
    Column("ids", ARRAY(Text), nullable=False, server_default="{}"),
    Column("public", LargeBinary, nullable=False),
    Column("secrets", LargeBinary),
    Column("valid_from", moment),
    Column("expires_at", moment),
    Column("created_at", moment, nullable=False),
    Column("created_by", Uuid, nullable=False),
    CheckConstraint("kind IN ('smime', 'authority', 'pgp')", name="kind"),
    Index("uq_mail_keys_fingerprint", "kind", "fingerprint", unique=True),
)
