"""HTTP shapes of tickets, by feature. What comes in is closed and bounded; what goes out fits who reads it."""
