"""`python -m services.gateway api|worker|all|migrate`."""

from services.gateway.app import SERVICE
from shared.service import main

main(SERVICE)
