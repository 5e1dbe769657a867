"""Routes of the gateway."""

from services.gateway.api import accounts, keys, live, sign_in

# `/api/accounts/keys` comes before `/api/accounts/{account_id}`.
routers = (sign_in.router, keys.router, accounts.router, live.router)
