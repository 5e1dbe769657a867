"""Rules of routing: which language a text is in, and who should have a ticket."""
