"""Every command's help: it is there, ends in examples that are true, and speaks of no option that is not."""

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest
from command_tree import walk
from fixed_cluster import Ran, run

from isi_net.cli import isi_net

OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


EVERYTHING = dict(walk(isi_net))
VERBS = {path: command for path, command in EVERYTHING.items() if not isinstance(command, click.Group)}


def prose(command: click.Command) -> str:
    """What the docstring says before the examples."""
    return inspect.cleandoc(command.help or "").partition("Examples:")[0]


def examples(command: click.Command) -> list[str]:
    """The lines below `Examples:`, which end the docstring."""
    return [
        line.strip() for line in inspect.cleandoc(command.help or "").partition("Examples:\n")[2].splitlines()
    ]


@pytest.mark.parametrize("path", EVERYTHING)
def test_help_works_and_ends_in_no_error(path: str, tmp_path: Path) -> None:
    ran = run(tmp_path, *path.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: isi_net {path}".rstrip())
    assert ran == run(tmp_path, *path.split(), "-h")


@pytest.mark.parametrize("path", EVERYTHING)
def test_help_fits_a_terminal_of_eighty(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for examples, which are not broken, so that they can be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = run(tmp_path, *path.split(), "--help").out.splitlines()
    assert [line for line in lines if len(line) > 80 and "  isi_net " not in line] == []


def test_the_list_of_nouns_says_what_each_says_of_itself(tmp_path: Path) -> None:
    """They are written down twice, so that `isi_net --help` need not load them all."""
    nouns = {path: command for path, command in EVERYTHING.items() if path and " " not in path}
    overview = run(tmp_path, "--help").out
    for noun, command in nouns.items():
        assert re.search(rf"^  {noun} +\S", overview, re.MULTILINE)
        if isinstance(command, click.Group):
            first = (command.help or "").splitlines()[0]
            assert re.search(rf"^  {noun} +{re.escape(first)}$", overview, re.MULTILINE)


@pytest.mark.parametrize("path", VERBS)
def test_help_ends_in_examples_of_that_command(path: str, tmp_path: Path) -> None:
    """Kept as lines of their own, with the whole words that the manual uses."""
    shown = run(tmp_path, *path.split(), "--help").out.splitlines()
    assert examples(VERBS[path])
    for example in examples(VERBS[path]):
        assert re.search(rf"\bisi_net (--\S+ \S+ )*{path}( |$)", example), example
        assert any(line.strip() == example for line in shown)


@pytest.mark.parametrize("example", [example for command in VERBS.values() for example in examples(command)])
def test_an_example_is_understood(example: str, tmp_path: Path) -> None:
    """`--help` behind it: an option or command that is not known is an error before help is shown."""
    words = shlex.split(re.split(r"[|>#;]", example)[0])
    ran = run(tmp_path, *words[words.index("isi_net") + 1 :], "--help")
    assert (ran.status, ran.err) == (0, "")


def test_an_example_that_is_wrong_would_be_found(tmp_path: Path) -> None:
    for wrong in ("pools list --shape round", "pools peel"):
        assert run(tmp_path, *wrong.split(), "--help").status == 2


@pytest.mark.parametrize("path", EVERYTHING)
def test_the_prose_names_no_unknown_option(path: str) -> None:
    command = EVERYTHING[path]
    context = click.Context(command)
    known = {
        name for one in (*command.get_params(context), *isi_net.get_params(context)) for name in one.opts
    }
    texts = [prose(command), *(getattr(one, "help", None) or "" for one in command.params)]
    assert {name for text in texts for name in OPTION.findall(text)} - known == set()


@pytest.mark.parametrize("path", VERBS)
def test_every_option_is_explained(path: str) -> None:
    assert [one.name for one in VERBS[path].params if isinstance(one, click.Option) and not one.help] == []


def test_the_version_is_one_line(tmp_path: Path) -> None:
    from isi_net import __version__

    assert run(tmp_path, "--version") == Ran(0, f"isi_net {__version__}\n", "")
