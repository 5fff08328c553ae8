"""The report of several finished studies."""
