"""Names and ids as people type them: `groupnet0.subnet0.pool0`, `3:ext-1`, `1,3-5`.

Sources: OneFS 9.7's published API (names of 1 to 32 characters of `[0-9a-zA-Z_-]`, ids of at most 99,
LNN 1 to 65535); `:` is accepted for `.`, and the groupnet may be left out.
"""

import re
from typing import NamedTuple

from isi_net.errors import BadValue

DEFAULT_GROUPNET = "groupnet0"
MAX_LNN = 65535

_NAME = re.compile(r"[0-9a-zA-Z_-]{1,32}")
# What Linux and FreeBSD allow and a lease file's name can carry; a leading dot or dash would be
# a hidden file or an option.
INTERFACE = r"[0-9a-zA-Z_][0-9a-zA-Z_.:-]{0,31}"
_INTERFACE = re.compile(INTERFACE)


def check_name(text: str, what: str = "name") -> str:
    """`text`, when it is a name of a groupnet, subnet or pool; else BadValue."""
    if not _NAME.fullmatch(text):
        raise BadValue(f"{what} {text!r} is not a name", todo="use 1 to 32 of the characters 0-9 a-z A-Z _ -")
    return text


def is_interface(text: str) -> bool:
    """Whether `text` can be an interface's name (`ext-1`, `ens5`, `eth0.100`)."""
    return _INTERFACE.fullmatch(text) is not None


def check_interface(text: str) -> str:
    """`text`, when it can be an interface's name; else BadValue."""
    if not is_interface(text):
        raise BadValue(
            f"{text!r} is not an interface's name",
            todo="use at most 32 of 0-9 a-z A-Z _ - . :",
        )
    return text


class GroupnetId(NamedTuple):
    """A groupnet, by name."""

    groupnet: str

    def __str__(self) -> str:
        return self.groupnet


class SubnetId(NamedTuple):
    """A subnet, by the names on the way to it."""

    groupnet: str
    subnet: str

    def __str__(self) -> str:
        return f"{self.groupnet}.{self.subnet}"


class PoolId(NamedTuple):
    """A pool, by the names on the way to it."""

    groupnet: str
    subnet: str
    pool: str

    def __str__(self) -> str:
        return f"{self.groupnet}.{self.subnet}.{self.pool}"

    @property
    def subnet_id(self) -> SubnetId:
        return SubnetId(self.groupnet, self.subnet)


def parse_groupnet_id(text: str) -> GroupnetId:
    """`groupnet0`; BadValue for anything else."""
    return GroupnetId(*_parts(text, 1, "a groupnet's id", "groupnet0"))


def parse_subnet_id(text: str) -> SubnetId:
    """`groupnet0.subnet0`, `groupnet0:subnet0` or `subnet0`; BadValue for anything else."""
    return SubnetId(*_parts(text, 2, "a subnet's id", "groupnet0.subnet0"))


def parse_pool_id(text: str) -> PoolId:
    """`groupnet0.subnet0.pool0` or `subnet0.pool0`, `:` for `.` if one likes; BadValue for anything else."""
    return PoolId(*_parts(text, 3, "a pool's id", "groupnet0.subnet0.pool0"))


def _parts(text: str, count: int, what: str, example: str) -> list[str]:
    parts = text.replace(":", ".").split(".")
    if len(parts) == count - 1 and count > 1:
        parts.insert(0, DEFAULT_GROUPNET)
    if len(parts) != count:
        raise BadValue(f"{text!r} is not {what}", todo=f"write it as {example}")
    for part in parts:
        check_name(part, f"the part {part!r} of {text!r}: name" if part != text else "name")
    return parts


def check_lnn(number: int, what: str = "LNN") -> int:
    """`number`, when it can be a logical node number (or a devid); else BadValue."""
    if not 1 <= number <= MAX_LNN:
        raise BadValue(f"{what} {number} is out of range", todo=f"it is a number from 1 to {MAX_LNN}")
    return number
