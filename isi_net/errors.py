"""Everything that `isi_net` refuses or cannot do, drawn as a tree.

An error is one line for a person: what is wrong, where, and what to do about it.  Which exit status
belongs to which branch is written in one place, `cli/exits.py`.

    Error
    ├── BadValue         a name, id, address or number that a person or a file gave
    ├── FormatError      bytes that do not hold what their format promises
    │   └── NewerSchema  a version newer than this program knows
    ├── Unreadable       a file that is missing or cannot be read
    │   └── Unknown      a file that could not be read just now; it may well be there
    ├── Unwritable       a file or directory that cannot be written
    ├── NotFound         a pool, subnet, node … that does not exist
    ├── Refused          a change that a rule forbids
    ├── Conflict         somebody else published first
    └── RoleLost         the merger's role is not (or no longer) ours
        ├── Fenced       a newer term has taken our staging directory away
        ├── LockLost     the lock, or the lock file, is gone
        └── Overdue      a call on the shared file system outlasted the deadline
"""


class Error(Exception):
    """What is wrong, where, and what to do; `str()` is the line that a person reads."""

    def __init__(self, what: str, where: str = "", todo: str = "") -> None:
        super().__init__(what, where, todo)
        self.what, self.where, self.todo = what, where, todo

    def __str__(self) -> str:
        return self.what + (f", {self.where}" if self.where else "") + (f"; {self.todo}" if self.todo else "")


class BadValue(Error):
    """A name, id, address or number that cannot be what it should be."""


class FormatError(Error):
    """Bytes that do not hold what their format promises; `line` counts from 1, 0 where it is not known."""

    def __init__(self, what: str, where: str = "", todo: str = "", line: int = 0) -> None:
        super().__init__(
            what, " ".join(part for part in (where, f"line {line}" if line else "") if part), todo
        )
        self.line = line


class NewerSchema(FormatError):
    """A format version newer than this program knows: nothing may be written over it."""


class Unreadable(Error):
    """A file that is missing or cannot be read."""


class Unknown(Unreadable):
    """A file that could not be read just now (ESTALE, vanished under the reader): not the same as gone."""


class Unwritable(Error):
    """A file or directory that cannot be written."""


class NotFound(Error):
    """A thing that a person named and that does not exist."""


class Refused(Error):
    """A change that a rule forbids."""


class Conflict(Error):
    """Somebody else published first."""


class RoleLost(Error):
    """The merger's role is not, or no longer, ours: whoever gets this writes nothing more."""


class Fenced(RoleLost):
    """A newer term has removed this holder's staging directory."""


class LockLost(RoleLost):
    """The lock is not ours any more, or its file is no longer at its path."""


class Overdue(RoleLost):
    """A call on the shared file system outlasted the deadline; whatever it returned, it may be late."""
