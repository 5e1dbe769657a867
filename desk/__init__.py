"""The `desk` command and the launcher that runs the whole desk on one machine."""
