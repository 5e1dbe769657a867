"""HTTP shapes of ingestion, by feature. What a message consists of is `domain.messages`: one contract at every door."""
