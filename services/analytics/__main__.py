"""`python -m services.analytics api|worker|all|migrate`."""

from services.analytics.app import SERVICE
from shared.service import main

main(SERVICE)
