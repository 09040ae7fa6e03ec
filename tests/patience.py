"""How tests wait for what others do: no longer than it takes, and as long as a busy machine may need."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30.0


def eventually(
    ask: Callable[[], T], what: str, *, is_so: Callable[[T], object] = bool, within: float = PATIENCE_SECONDS
) -> T:
    """Asks until the answer is so (true, if nothing else is said), and gives it back."""
    until = time.monotonic() + within
    while not is_so(answer := ask()):
        assert time.monotonic() < until, f"not within {within:g} s: {what}. The last answer was {answer!r}"
        time.sleep(0.01)
    return answer
