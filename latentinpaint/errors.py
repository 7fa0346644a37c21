"""The one exception that speaks to a person.

Everything a user can get wrong (a missing file, a mask of another size, a checkpoint for another
autoencoder) is raised as `InputError` with one plain sentence that names the thing and says what to do.
The command line prints that sentence alone and ends with status 2; from Python it is a `ValueError`.
"""


class InputError(ValueError):
    """Input that cannot be used. The message is one plain sentence and names the file or option."""
