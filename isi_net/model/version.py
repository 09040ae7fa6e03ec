"""Versions, of releases and of programs: `9.7.0.0`, `0.10.1`.  They compare as numbers, never as text."""

import re

_VERSION = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,9}){0,7})([.-]?[a-zA-Z][0-9a-zA-Z.+-]{0,63}|\+[0-9a-zA-Z.-]{1,64})?", re.ASCII
)

Version = tuple[tuple[int, ...], bool]


def version(text: str) -> Version | None:
    """`text` as something that compares; None when it is no version.

    Trailing zeros say nothing (9.7 is 9.7.0.0), and what is called `1.0.0rc2` or `1.0.0.dev3` comes before
    1.0.0, as in PEP 440; `1.0.0+local` is 1.0.0.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = [int(number) for number in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), found[2] is None or found[2].startswith("+")
