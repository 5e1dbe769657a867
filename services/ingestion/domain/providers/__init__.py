"""What e-mail providers tell us by webhook: mail that came for us, and what became of mail that we sent.

A module for each: it proves that the provider tells it, by the scheme of its documentation, and reads what it says.
Pure: bytes in, values out. Nothing is read of what is not proven but what the proof needs.
"""
