"""Rules of analytics: what is archived, what a ticket's facts are, and which metrics exist."""
