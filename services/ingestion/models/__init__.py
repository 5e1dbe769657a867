"""Tables of the schema `ingestion`, by what they are about."""

from services.ingestion.models.base import metadata
from services.ingestion.models.files import attachments, renditions
from services.ingestion.models.form import portal_uploads, portal_writes, public_forms
from services.ingestion.models.inbound import inbound_messages, mail_ids
from services.ingestion.models.mail_key import mail_keys
from services.ingestion.models.mailbox import mail_deliveries, mailbox_fetching, mailboxes
from services.ingestion.models.outbound import notices, outbound_messages, outbound_minutes
from services.ingestion.models.quarantine import quarantine_deletions
from services.ingestion.models.secret import secrets
from services.ingestion.models.suppression import mail_bounces, suppressions, webhook_receipts

__all__ = [
    "attachments",
    "inbound_messages",
    "mail_bounces",
    "mail_deliveries",
    "mail_ids",
    "mail_keys",
    "mailbox_fetching",
    "mailboxes",
    "metadata",
    "notices",
    "outbound_messages",
    "outbound_minutes",
    "portal_uploads",
    "portal_writes",
    "public_forms",
    "quarantine_deletions",
    "renditions",
    "secrets",
    "suppressions",
    "webhook_receipts",
]
