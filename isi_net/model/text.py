"""Text made fit to be shown to a person: what the network wrote, and what is too long."""

from collections.abc import Sequence

# Unicode's default ignorable code points (DerivedCoreProperties.txt) that str.isprintable() lets through:
# fillers, joiners and variation selectors, with which two different names look the same.
_INVISIBLE = frozenset(
    map(
        chr,
        [
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ],
    )
)


def first_few(words: Sequence[str], most: int = 3, before_more: str = " and ") -> str:
    """The first few of `words`: what thousands of nodes say must not make a line that nobody can read."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f"{before_more}{more} more" if more > 0 else "")


def printable(text: str) -> str:
    r"""`text` with everything made visible that is not: `\n`, `\x1b`, `\u202e`.

    What some server wrote must not drive a terminal, break a line, turn text around or hide in it.  The
    letters of every language stay, and so does a backslash: this is for reading, not for reading back.
    """
    if text.isprintable() and (text.isascii() or _INVISIBLE.isdisjoint(text)):
        return text
    return "".join(
        char
        if char.isprintable() and char not in _INVISIBLE
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
