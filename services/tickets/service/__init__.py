"""Use cases of tickets. Each takes the session first and the time as an argument; the edge commits."""
