"""Routes of ingestion, by feature."""

from services.ingestion.api import (
    attachments,
    forms,
    intake,
    mail_keys,
    mailboxes,
    messages,
    providers,
    quarantine,
    reconciliation,
    suppressions,
)

ROUTERS = (
    intake.router,
    providers.router,
    messages.router,
    quarantine.router,
    attachments.router,
    forms.router,
    suppressions.router,
    mailboxes.router,
    mail_keys.router,
    reconciliation.router,
)
