"""`python -m services.tickets api|worker|all|migrate`."""

from services.tickets.app import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
