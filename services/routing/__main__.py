"""`python -m services.routing api|worker|all|migrate`."""

from services.routing.app import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
