"""The one exception that stands for something the user can put right."""


class UserError(ValueError):
    """One sentence that names what is wrong and the remedy; the CLI prints it and exits with code 2."""
