"""The one exception that the command lines turn into a sentence."""


class UserError(Exception):
    """A mistake that the user can mend: the message names the place, what was expected and the remedy."""
