"""RFC 3339 in UTC, to and from the model's seconds since the epoch.

`2026-02-07T16:26:20Z` is how every file of the house spells a time: it sorts as text, and a person in
any time zone reads it the same way.  What lies outside 1970 to 9999 can not be spelled so; `utc` gives
the nearest end instead, since one absurd time must not cost the file it stands in.
"""

import re
from datetime import UTC, datetime

from isi_net.errors import BadValue

_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def utc(seconds: float) -> datetime:
    """The time `seconds` after the epoch, to the microsecond."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST), UTC)


def render(seconds: int) -> str:
    """`2026-02-07T16:26:20Z`"""
    return utc(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> int:
    """The seconds that `render` wrote as `text`; BadValue for anything else."""
    try:
        if _TEXT.fullmatch(text):
            return max(0, int(datetime.fromisoformat(text).timestamp()))
    except ValueError:
        pass  # the 30th of February
    raise BadValue(f"{text!r} is not a time", todo="write it as 2026-02-07T16:26:20Z")
