"""A tenure: one holder's time in the merger's role, and the number (the term) that only grows."""

from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 1000


@dataclass(frozen=True, slots=True)
class Tenure:
    """Who held the role in `term`, from when until when (seconds since the epoch), and why it ended.

    `until` is None while the holder is in office, and for ever when it could not say goodbye; `ended` is
    empty then, else one of `released`, `stepped down`, `fenced`, `lock lost`, `deadline`, `failing`
    (it came to nothing turn after turn), `lost` (the role, for no reason that has a name) and `not taken`
    (its holder could not write down that it took office).
    """

    term: int
    devid: int
    lnn: int
    node: str
    pid: int
    since: float
    until: float | None = None
    ended: str = ""


def next_term(known: Iterable[int]) -> int:
    """The term after all that left a trace."""
    return max(known, default=0) + 1
