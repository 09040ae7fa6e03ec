"""The options that every listing and every view has."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

from isi_net.cli.grammar import Spelled
from isi_net.cli.output import FORMATS, Column, Record, arrange, render
from isi_net.cli.stdout import emit

Command = Callable[..., Any]


class Showing(NamedTuple):
    """How the person wants it shown; `records` and `record` show it so."""

    fmt: str = "table"
    no_header: bool = False
    no_footer: bool = False
    verbose: bool = False
    sort: str | None = None
    descending: bool = False
    limit: int | None = None

    def records(
        self, found: Sequence[Record], columns: Sequence[Column], view: Sequence[Column] = ()
    ) -> None:
        """Prints a listing; `view` are the columns of each record where there is room for all of them."""
        whole = self.verbose or self.fmt in ("list", "csv")
        emit(
            render(
                arrange(found, self.sort, self.descending, self.limit),
                view if view and whole else columns,
                self.fmt,
                no_header=self.no_header,
                no_footer=self.no_footer,
                verbose=self.verbose,
            )
        )

    def record(self, found: Record, columns: Sequence[Column]) -> None:
        """Prints one record."""
        emit(render(found, columns, self.fmt, no_header=self.no_header))


def _limit(text: str) -> int:
    from isi_net.model.spellings import parse_number  # noqa: PLC0415 - most listings have no limit

    return parse_number(1, 10**9)(text)


_FORMAT = click.option(
    "--format",
    "fmt",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How it is printed.",
)
_NO_HEADER = click.option("--no-header", "-a", is_flag=True, help="Print no header (tables and CSV).")
_NO_FOOTER = click.option("--no-footer", "-z", is_flag=True, help="Print no footer (tables).")
_LISTING = (
    _FORMAT,
    _NO_HEADER,
    _NO_FOOTER,
    click.option("--verbose", "-v", is_flag=True, help="Print all fields of each record."),
    click.option(
        "--limit",
        "-l",
        type=Spelled("N", _limit),
        metavar="N",
        help="Print the first N only.",
    ),
    click.option("--sort", metavar="FIELD", help="Sort by this field, by its name in JSON."),
    click.option("--descending", "-d", is_flag=True, help="Sort the other way round."),
)
_VIEW = (_FORMAT, _NO_HEADER, _NO_FOOTER)


def listing(command: Command) -> Command:
    """Gives a `list` command its options; they arrive as the keyword `showing`."""
    return _with(_LISTING, command)


def viewing(command: Command) -> Command:
    """Gives a `view`, `show` or `status` command its options; they arrive as the keyword `showing`."""
    return _with(_VIEW, command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    @functools.wraps(command)
    def gathered(*args: Any, **given: Any) -> Any:
        showing = Showing(**{name: given.pop(name) for name in Showing._fields if name in given})
        return command(*args, showing=showing, **given)

    with_options: Command = gathered
    for option in reversed(options):
        with_options = option(with_options)
    return with_options
