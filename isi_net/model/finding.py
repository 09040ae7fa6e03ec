"""A finding: something a person should know, and what to do about it."""

from typing import Literal, NamedTuple

Severity = Literal["info", "warning", "error"]


class Finding(NamedTuple):
    """One fact for a person.

    `code` is stable, for scripts (`lease_expired`); `place` says where (a file, a pool, `node 3 ext-1`);
    `message` says what is so, and `action` what to do about it.  Any of the last three may quote text
    from the network: whoever prints them makes control characters visible.
    """

    place: str
    code: str
    severity: Severity
    message: str
    action: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; {self.action}" if self.action else "")
