"""Benchmarks: `python -m bench [name…]`. They measure and compare; they never assert a time."""
