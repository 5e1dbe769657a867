"""Tools for working on the desk itself, called by the Makefile.

Those that prepare the environment run on a bare Python and import nothing but the standard library.
"""
