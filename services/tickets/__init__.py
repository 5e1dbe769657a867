"""The system of record: tickets, their threads, customers."""
