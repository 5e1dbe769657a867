"""Events from one service to the others, neither lost, doubled nor reordered.

outbox -> relay -> broker -> consumer -> inbox. A service imports `outbox`, `Handlers`, `Timer` and `Worker` from the
modules of those names; everything else is the machinery under them.
"""
