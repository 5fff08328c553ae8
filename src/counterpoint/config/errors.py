"""The one exception for errors that the user can correct."""


class UserError(ValueError):
    """One sentence that names the fault and the remedy; the CLI prints it and exits with code 2."""
