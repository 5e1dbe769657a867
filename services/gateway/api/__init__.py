"""Routes of the gateway."""

from services.gateway.api import accounts, keys, live, notifications, sign_in, sign_in_links

# `/api/accounts/keys` comes before `/api/accounts/{account_id}`.
routers = (
    sign_in.router,
    sign_in_links.router,
    keys.router,
    accounts.router,
    live.router,
    notifications.router,
)
