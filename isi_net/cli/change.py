"""How commands change the configuration: the options that all of them have, and fields as options.

A field that is a list has a family of options:

    --ranges a-b,c-d      these and no others
    --add-ranges a-b      these besides
    --remove-ranges a-b   without these; each must be there
    --clear-ranges        none

One that is given twice means both.
"""

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from isi_net.cli.complete import Completer, words
from isi_net.cli.grammar import Spelled, commas
from isi_net.cli.stdout import say, warn
from isi_net.errors import NotFound
from isi_net.model.network import ClusterSettings, Configuration, Groupnet, Pool, Subnet
from isi_net.store.tree import Tree

Command = Callable[..., Any]
Part = TypeVar("Part", Groupnet, Subnet, Pool, ClusterSettings)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a groupnet, subnet, pool or the cluster that a command can set, and how a person types it.

    `kind` is the metavariable that help shows; `option` is the API's name where the model's is another;
    of a list (`many`), `parse` reads one entry.  What TAB offers is told by `complete`, or by a
    `kind` like `yes|no`.
    """

    name: str
    parse: Callable[[str], Any]
    kind: str
    help: str
    option: str = ""
    many: bool = False
    choices: tuple[str, ...] = ()
    complete: Completer | None = None

    @property
    def key(self) -> str:
        return self.option or self.name

    def options(self) -> list[Callable[[Command], Command]]:
        """The click options that set this field."""
        name = self.key.replace("_", "-")
        kind: click.ParamType[Any] = Spelled(self.kind, commas(self.parse) if self.many else self.parse)
        if self.choices:
            kind = click.Choice(self.choices)
        complete = self.complete or (words(self.kind.split("|")) if "|" in self.kind else None)
        options: list[Callable[[Command], Command]] = [
            click.option(
                f"--{name}",
                self.key,
                type=kind,
                metavar=self.kind,
                multiple=self.many,
                help=self.help,
                shell_complete=complete,
            )
        ]
        if self.many:
            what = self.help.removesuffix(".").lower()
            options += [
                click.option(
                    f"--{verb}-{name}",
                    f"{verb}_{self.key}",
                    type=kind,
                    metavar=self.kind,
                    multiple=True,
                    help=f"{does} {what}.",
                    shell_complete=complete,
                )
                for verb, does in (("add", "Add to"), ("remove", "Remove from"))
            ]
            options.append(
                click.option(f"--clear-{name}", f"clear_{self.key}", is_flag=True, help=f"Clear {what}.")
            )
        return options


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person asked of one list."""

    given: tuple[Any, ...] | None
    add: tuple[Any, ...]
    remove: tuple[Any, ...]
    clear: bool

    def of(self, present: tuple[Any, ...], where: str) -> tuple[Any, ...]:
        """The list as asked for; NotFound for what should be removed and is not there."""
        edited = () if self.clear else present if self.given is None else self.given
        for one in self.remove:
            if one not in edited:
                raise NotFound(f"{one} is not among the {where}", todo="only a whole entry can be removed")
        kept = [one for one in edited if one not in self.remove]
        return tuple(dict.fromkeys((*kept, *self.add)))


def settable(fields: Sequence[Field]) -> Callable[[Command], Command]:
    """Gives a command the options of `fields`; they arrive as the keyword `given`, for `edited`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: Any, **options: Any) -> Any:
            given: dict[str, Any] = {}
            for field in fields:
                value = options.pop(field.key)
                if not field.many:
                    if value is not None:
                        given[field.name] = value
                    continue
                add, remove = (
                    _entries(options.pop(f"{verb}_{field.key}")) or () for verb in ("add", "remove")
                )
                clear = options.pop(f"clear_{field.key}")
                if value or add or remove or clear:
                    given[field.name] = Edit(_entries(value), add, remove, clear)
            return command(*args, given=given, **options)

        with_options: Command = gathered
        for field in reversed(fields):
            for option in reversed(field.options()):
                with_options = option(with_options)
        return with_options

    return decorate


def _entries(given: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The entries of a list option, however often it was given; None where it was not."""
    return tuple(one for entries in given for one in entries) if given else None


def edited(part: Part, given: Mapping[str, Any]) -> Part:
    """`part` with what the person gave."""
    values: dict[str, Any] = {
        name: value.of(getattr(part, name), name.removeprefix("manual_").replace("_", " "))
        if isinstance(value, Edit)
        else value
        for name, value in given.items()
    }
    changed: Part = replace(part, **values)
    return changed


@dataclass(frozen=True, slots=True)
class Changing:
    """How the person wants it changed."""

    force: bool = False
    dry_run: bool = False

    def publish(self, tree: Tree, edit: Callable[[Configuration], Configuration]) -> None:
        """Publishes what `edit` makes of the configuration; silent unless there is something to warn of."""
        from isi_net.flexnet import change as flexnet  # noqa: PLC0415 - reading commands do not pay for it

        done = flexnet.change(tree, edit, author=author(), force=self.force, dry_run=self.dry_run)
        for warning in done.warnings:
            warn(f"{warning.place}: {warning.message}")
        if self.dry_run:
            say(done.lines)

    def ask(self, question: str) -> None:
        """Asks before what cannot be undone, as isi does; ends the command unless the answer is yes."""
        if self.force or self.dry_run:
            return
        click.echo(f"{question} (yes/[no]): ", nl=False, err=True)
        answer = sys.stdin.readline() if sys.stdin is not None else ""
        if answer.strip().lower() not in ("y", "yes"):
            click.echo("Nothing was changed.", err=True)
            raise click.exceptions.Exit(1)


def author() -> str:
    """Who changes, for the history: the user, and the command as it was typed."""
    import pwd  # noqa: PLC0415

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}: {' '.join(['isi_net', *sys.argv[1:]])}"[:500]


def changing(command: Command) -> Command:
    """Gives a command that changes something its options; they arrive as the keyword `changing`."""

    @functools.wraps(command)
    def gathered(*args: Any, force: bool, dry_run: bool, **given: Any) -> Any:
        return command(*args, changing=Changing(force, dry_run), **given)

    with_dry_run = click.option("--dry-run", is_flag=True, help="Print what would change; change nothing.")
    with_force = click.option("--force", "-f", is_flag=True, help="Ask nothing, and allow what needs it.")
    return with_force(with_dry_run(gathered))
