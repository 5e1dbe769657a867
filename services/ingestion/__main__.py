"""`python -m services.ingestion api|worker|all|migrate`."""

from services.ingestion.app import SERVICE
from shared.service import main

if __name__ == "__main__":
    main(SERVICE)
