"""Where commands print: all of it or with an error, and nobody's text can drive the terminal."""

import io
import os
import sys
from collections.abc import Iterable

import click

from isi_net.errors import Unwritable
from isi_net.model.text import printable


def emit(text: str | bytes) -> None:
    """Writes all of `text` to stdout, or with an error; a reader who has gone (`| head`) ends it quietly."""
    if sys.stdout is None:
        raise Unwritable("cannot write: it is closed", "stdout", "do not close it, or send it to /dev/null")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a node's name that this locale cannot spell
    try:
        if isinstance(text, str):
            sys.stdout.write(text)
        elif isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.flush()
            sys.stdout.buffer.write(text)  # what has an encoding of its own is not the locale's to change
        else:
            sys.stdout.write(text.decode())
        sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            _end_unread()
        raise Unwritable(f"cannot write: {error.strerror}", "stdout", "make room where it goes") from error


def say(lines: Iterable[str]) -> None:
    """Prints sentences, one a line; nobody's text in them can drive the terminal."""
    emit("".join(f"{printable(line)}\n" for line in lines))


def warn(text: str) -> None:
    """Says on stderr what a person should know beside the answer; nobody's text can drive the terminal."""
    try:
        click.echo(f"Warning: {printable(text)}", err=True)
    except BrokenPipeError:
        _end_unread()


def _end_unread() -> None:
    """Ends the process as the kernel ends one that writes for nobody; later, where SIGPIPE is blocked."""
    import signal  # noqa: PLC0415 - slow to import, and most readers stay

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.raise_signal(signal.SIGPIPE)


def drop_unwritten() -> None:
    """Forgets what stdout would not take: it would be tried, and complained of, as the interpreter ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
