"""`python -m services.sla api|worker|all|migrate`."""

from services.sla.app import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
