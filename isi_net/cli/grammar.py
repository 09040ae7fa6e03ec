"""How `isi` reads a command line: nouns, then verbs, each as short as it is still the only one meant."""

import importlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from isi_net.errors import BadValue

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _the_one(word: str, names: Iterable[str], what: str, context: click.Context) -> str:
    """The name that `word` is, or is the beginning of; a usage error where that is none or several."""
    known = sorted(names)
    if word in known:
        return word
    meant = [name for name in known if name.startswith(word)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise click.UsageError(f"{what} {word!r} is ambiguous: it may be {', '.join(meant)}.", context)
    raise click.UsageError(f"No such {what} {word!r}: the known ones are {', '.join(known)}.", context)


class Spelled(click.ParamType[Any]):
    """A value as a person types it; `parse` gives what it means, or BadValue."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except BadValue as error:
            self.fail(str(error), param, ctx)


_MOST_ENTRIES = 10_000


def commas(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Several, with commas between them, a trailing one tolerated; what gives several itself is joined."""

    def parse_all(text: str) -> tuple[Any, ...]:
        found: dict[Any, None] = {}
        for word in text.removesuffix(",").split(","):
            one = parse(word.strip())
            found.update(dict.fromkeys(one if type(one) is tuple else (one,)))
            if len(found) > _MOST_ENTRIES:
                raise BadValue(f"more than {_MOST_ENTRIES} entries", todo="give fewer at once")
        return tuple(found)

    return parse_all


def parse_word(known: Collection[str]) -> Callable[[str], str]:
    """A reader of one of the API's words, with dashes for its underscores if one likes."""

    def parse(text: str) -> str:
        word = text.replace("-", "_")
        if word not in known:
            raise BadValue(f"{text!r} is not known", todo=f"use one of {', '.join(known)}")
        return word

    return parse


def instead(text: Callable[[click.Context], str]) -> dict[str, Any]:
    """What makes an option a flag that prints a text instead of running the command.

    click has such options for the help and the version, but they look for translations at every start.
    """

    def answer(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            click.echo(text(context))
            context.exit()

    return {"is_flag": True, "is_eager": True, "expose_value": False, "callback": answer}


_HELP = click.Option(("-h", "--help"), help="Show this message and exit.", **instead(click.Context.get_help))


class _Helped(click.Command):
    """A command of any kind: it has the one help option."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        return _HELP.opts

    def get_help_option(self, ctx: click.Context) -> click.Option:
        return _HELP


class Verb(_Helped):
    """A command whose long options may be cut short."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _with_whole_options(self, ctx, self._with_id_first(ctx, args)))

    def _with_id_first(self, context: click.Context, args: list[str]) -> list[str]:
        """`args` with the id in front, where isi's `--id ID` or `--id=ID` names it."""
        first = next((one for one in self.params if isinstance(one, click.Argument)), None)
        if first is None or first.metavar != "ID":
            return args
        for position, word in enumerate(args):
            if word.startswith("--id="):
                return [word.removeprefix("--id="), *args[:position], *args[position + 1 :]]
            if word == "--id":
                if position + 1 == len(args):
                    raise click.UsageError("Option '--id' requires an argument.", context)
                return [args[position + 1], *args[:position], *args[position + 2 :]]
            if word == "--":
                break
        return args


def _with_whole_options(command: click.Command, context: click.Context, args: list[str]) -> list[str]:
    """`args` with every long option written out; the value behind one is nobody's option."""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    known = {name: one for one in options for name in (*one.opts, *one.secondary_opts)}
    long = [name for name in known if name.startswith("--")]
    whole: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*whole, word, *words]
        name, equals, value = word.partition("=")
        if name.startswith("--") and name not in known:
            name = _the_one(name, long, "option", context)
        whole.append(name + equals + value)
        option = known.get(name)
        if option is not None and not equals and not option.is_flag and not option.count:
            whole += itertools.islice(words, 1)
    return whole


class Verbs(_Helped, click.Group):
    """A noun with its verbs.  `later` names, by their module, those that load when one of them is used."""

    command_class = Verb

    def __init__(self, *args: Any, later: Mapping[str, Iterable[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._later = {verb: module for module, verbs in (later or {}).items() for verb in verbs}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._later:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(importlib.import_module(self._later[cmd_name]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word.startswith("-"):
            return super().resolve_command(ctx, args)
        name = _the_one(word, self.list_commands(ctx), "command", ctx)
        return name, self.get_command(ctx, name), args[1:]


Verbs.group_class = Verbs


class Nouns(Verbs):
    """All nouns: each is a module beside this one, loaded when it is asked for, and its `command`."""

    def __init__(self, *args: Any, nouns: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._nouns = nouns

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._nouns)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._nouns:
            return None
        command: click.Command = importlib.import_module(f"isi_net.cli.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """The nouns that begin so, none of them loaded; or the options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that asks needs it

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=what)
            for name, what in sorted(self._nouns.items())
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._nouns.items()))
