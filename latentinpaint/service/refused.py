"""The exception for a request that is not answered, with its HTTP status."""

from latentinpaint.errors import InputError

INTERNAL = "this went wrong inside the program; its log says how"


class Refused(InputError):
    """A request that cannot be answered.

    Args:
        status: of HTTP.
        message: one plain sentence for whoever asked.
    """

    def __init__(self, status: int, message: object) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: InputError) -> int:
    """The HTTP status of an error: its own, or that of values that cannot be used."""
    return error.status if isinstance(error, Refused) else 422
