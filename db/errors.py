"""The one exception that the command lines turn into a sentence."""


class UserError(Exception):
    """A mistake that the user can fix: the message says where it is, what was expected and what to do."""
