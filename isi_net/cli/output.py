r"""What a command prints: records as the tables, views, CSV and JSON that an `isi` administrator knows.

A command file says a noun's columns once; what is here turns records into whole lines of text.  No
commands, no files, no printing.  A record is the API's: its keys, and values that JSON can hold.

Part of what is shown was written by machines that nobody vouches for: a DHCP server names hosts and
domains.  So every value reaches people through `printable`, and JSON is ASCII.  In CSV a value that a
spreadsheet would take for a formula gets a `'` before it, as spreadsheets themselves write it; numbers
and names that begin with a dash stay as they are.  Whoever needs the exact value takes JSON.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, NamedTuple

from isi_net.errors import BadValue
from isi_net.model.text import printable

# tabulate, csv and json are loaded where they are used: one command needs one of them, and the first
# costs more than all the rest of this program's start.

FORMATS = ("table", "json", "csv", "list")

Record = dict[str, Any]

_BETWEEN_RECORDS = "-" * 80
_NOTHING = "-"

# What spreadsheets begin to calculate at, the full-width forms of East Asian ones included.  After a sign
# it takes more than a name's or a number's characters to make a formula do anything.
_FORMULA = r"[=@\uff1d\uff20\uff0b\uff0d]|[+-].*[^0-9A-Za-z_.:-]"


def plain(value: Any) -> str | list[str]:
    """`value` as people read it: Yes and No, a list's items one by one, null as no items at all."""
    if value is None:
        return []
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return [_joined(_texts(plain(item))) for item in value]
    if isinstance(value, dict):
        return [f"{key}={_joined(_texts(plain(item)))}" for key, item in value.items()]
    return str(value)


class Column(NamedTuple):
    """One field of a record: its key in JSON and CSV, its header for people, and how its value is shown.

    `show` gives back one text, or a list of them: stacked in a table, joined elsewhere.  Nothing to show
    is an empty list.  An empty text in a list keeps the stack in step with its neighbours' and is left
    out where lists are joined.
    """

    key: str
    header: str
    show: Callable[[Any], str | list[str]] = plain


def render(
    shown: Record | Sequence[Record],
    columns: Sequence[Column],
    fmt: str = "table",
    *,
    no_header: bool = False,
    no_footer: bool = False,
    verbose: bool = False,
) -> str:
    """`shown` in one of FORMATS: one record as `view` commands print it, several as `list` commands do."""
    if fmt == "json":
        return json_text(shown)
    records = [shown] if isinstance(shown, dict) else shown
    if fmt == "csv":
        return csv_text(records, columns, header=not no_header)
    if fmt == "list" or (fmt == "table" and (verbose or isinstance(shown, dict))):
        return views(records, columns)
    if fmt == "table":
        return table(records, columns, header=not no_header, footer=not no_footer)
    raise BadValue(f"format {fmt!r} is not known", todo=f"use one of {', '.join(FORMATS)}")


def table(
    records: Sequence[Record], columns: Sequence[Column], *, header: bool = True, footer: bool = True
) -> str:
    """The table of a `list` command.  Without its header or footer the rows in between stay as they are."""
    import tabulate  # noqa: PLC0415 - slow to import

    # A header's column is one wider than the header; tabulate's own habit is two.  A character is one wide
    # whether or not wcwidth happens to be installed.
    tabulate.MIN_PADDING = 1
    tabulate.WIDE_CHARS_MODE = False

    ruler = tabulate.Line("", "-", "-", "")
    row = tabulate.DataRow("", " ", "")
    isi = tabulate.TableFormat(
        lineabove=None,
        linebelowheader=ruler,
        linebetweenrows=None,
        linebelow=ruler,
        headerrow=row,
        datarow=row,
        padding=0,
        with_header_hide=None,
    )
    rows: list[tuple[str, ...]] = []
    for record in records:
        cells = [_cell(record, column) or [_NOTHING] for column in columns]
        rows += zip_longest(*cells, fillvalue="")
    headers = [column.header for column in columns]
    # An interface named 1e5 is not the number 100000.
    drawn = tabulate.tabulate(rows, headers=headers, tablefmt=isi, disable_numparse=True)
    lines = [*drawn.split("\n"), f"Total: {len(records)}"]
    return _whole(lines[0 if header else 2 : None if footer else -2])


def view(record: Record, columns: Sequence[Column]) -> str:
    """One record, a field a line; a list of sentences has one a line, each below the first.

    An empty text leaves `Key: `, so that every field's line splits at `: `.
    """
    widest = max((len(column.header) for column in columns), default=0)
    margin = "\n" + " " * (widest + 2)
    lines = []
    for column in columns:
        cell = _cell(record, column)
        between = margin if any(" " in text for text in cell) else ", "
        lines.append(f"{column.header:>{widest}}: {_joined(cell, between) if cell else _NOTHING}")
    return _whole(lines)


def views(records: Iterable[Record], columns: Sequence[Column]) -> str:
    """Several records, each as `view` shows it: what `list -v` and `--format list` print."""
    return f"{_BETWEEN_RECORDS}\n".join(view(record, columns) for record in records)


def csv_text(records: Iterable[Record], columns: Sequence[Column], *, header: bool = True) -> str:
    """The table's values under the keys of JSON.

    A list's items are joined with `;`, so that most rows need no quotes and `cut -d,` will do; nothing to
    show is an empty cell.
    """
    import csv  # noqa: PLC0415 - slow to import
    import io  # noqa: PLC0415

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(column.key for column in columns)
    for record in records:
        writer.writerow(
            _joined([_no_formula(text) for text in _cell(record, column)], ";") for column in columns
        )
    return out.getvalue()


def json_text(value: Record | Sequence[Record]) -> str:
    """One object, or an array of objects; a field a line, and everything within it on that line.

    People can read it, `grep` and `diff` show whole fields, and for a thousand pools it takes half the
    time of `json.dumps(indent=2)`, which does without the encoder written in C.  It is ASCII, so neither
    control characters nor the marks that turn text around reach a terminal.
    """
    import json  # noqa: PLC0415 - slow to import

    encode = json.JSONEncoder(allow_nan=False).encode
    margin = "" if isinstance(value, dict) else "  "
    # What most fields hold, as `encode` would write it after finding out what they are.
    writers: defaultdict[type, Callable[[Any], str]] = defaultdict(
        lambda: encode,
        {
            str: json.encoder.encode_basestring_ascii,
            bool: lambda field: "true" if field else "false",
            int: int.__repr__,
            list: lambda field: encode(field) if field else "[]",
        },
    )

    @cache
    def layout(keys: tuple[str, ...]) -> str:
        """The lines of a record with these keys; `%s` stands for each value."""
        fields = ",\n".join(f"{margin}  {encode(key)}".replace("%", "%%") + ": %s" for key in keys)
        return margin + (f"{{\n{fields}\n{margin}}}" if fields else "{}")

    def laid_out(record: Record) -> str:
        return layout(tuple(record)) % tuple([writers[type(field)](field) for field in record.values()])

    if isinstance(value, dict):
        return laid_out(value) + "\n"
    objects = ",\n".join([laid_out(record) for record in value])
    return f"[\n{objects}\n]\n" if objects else "[]\n"


def arrange(
    records: Iterable[Record], sort: str | None = None, descending: bool = False, limit: int | None = None
) -> list[Record]:
    """`records` by the field `sort`, the first `limit` of them; BadValue when no record has such a field.

    Numbers and addresses sort by value, names as people count (pool2, pool10).  Records without a value
    come last either way; equals keep their order.  Without `sort`, `descending` turns the order round.
    """
    if limit is not None and limit < 1:
        raise BadValue(f"limit {limit} is out of range", todo="it is a number from 1 up")
    arranged = list(records)
    if sort is None:
        if descending:
            arranged.reverse()
    elif arranged:
        known = dict.fromkeys(key for record in arranged for key in record)
        if sort not in known:
            raise BadValue(f"there is no field {sort!r} to sort by", todo=f"use one of {', '.join(known)}")
        # What shows as `-` has no value.
        valued = [record for record in arranged if record.get(sort) not in (None, [])]
        valueless = [record for record in arranged if record.get(sort) in (None, [])]
        arranged = sorted(valued, key=lambda record: _order(record[sort]), reverse=descending) + valueless
    return arranged[:limit]


def _order(value: Any) -> tuple[Any, ...]:
    """What `value` sorts by.  The first item tells kinds apart, so that any two values can be compared."""
    if value is None:
        return (0,)
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, dict):
        return (4, [_order(item) for item in value.values()])
    if isinstance(value, (list, tuple)):
        return (4, [_order(item) for item in value])
    text = str(value)
    if ":" in text:
        from ipaddress import AddressValueError, IPv6Address  # noqa: PLC0415 - slow to import, seldom needed

        try:
            return (3, int(IPv6Address(text)))
        except AddressValueError:
            pass  # an interface's id, a MAC address
    # Every odd part is a run of digits, and an IPv4 address sorts by value like any other text.  A run
    # without its zeros sorts by length first, which spares the limit that int() puts on long ones.
    parts = re.split("([0-9]+)", text)
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return (2, [(len(part), part) if place % 2 else part for place, part in enumerate(parts)])


def _cell(record: Record, column: Column) -> list[str]:
    return [printable(text) for text in _texts(column.show(record[column.key]))]


def _texts(shown: str | list[str]) -> list[str]:
    return [shown] if isinstance(shown, str) else shown


def _joined(texts: list[str], separator: str = ", ") -> str:
    return separator.join(filter(None, texts))


def _no_formula(text: str) -> str:
    return f"'{text}" if re.match(_FORMULA, text) else text


def _whole(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
