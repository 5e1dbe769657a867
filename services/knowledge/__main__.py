"""`python -m services.knowledge api|worker|all|migrate`."""

from services.knowledge.app import SERVICE
from shared.service import main

main(SERVICE)
