"""Which error ends in which exit status: the table that isi_net(8) prints."""

from isi_net.errors import BadValue, Error
from isi_net.model.text import printable

DONE, FAILED, USAGE, STALLED, INTERRUPTED = 0, 1, 2, 3, 130

TABLE = {
    DONE: "Done.",
    FAILED: "Failed: something could not be read or written, or a rule refused the change.",
    USAGE: "Usage: an option, argument or value that cannot be.",
    STALLED: "merger status: the role is held, but its holder ended no turn for three deadlines.",
    INTERRUPTED: "Interrupted from the keyboard.",
}


def of(error: Exception) -> int:
    """The exit status of a command that ended in `error`."""
    return USAGE if isinstance(error, BadValue) else FAILED


def line(error: Error | OSError) -> str:
    """`error` as the one line that a person reads; what came from the network cannot break it."""
    if isinstance(error, OSError):
        where = f", {error.filename}" if error.filename else ""
        return printable(f"{error.strerror or error}{where}")
    return printable(str(error))
