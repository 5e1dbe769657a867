"""Rules of tickets: plain functions and frozen values, no I/O, no clock."""
