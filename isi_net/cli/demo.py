"""`isi_net demo`: a newcomer's first minute."""

import signal
from contextlib import closing

import click

from isi_net.cli.grammar import Verb
from isi_net.cli.stdout import emit


@click.command(cls=Verb)
@click.option(
    "--dir", "directory", metavar="DIR", help="Play here, empty or not there yet.  [a temporary one]"
)
@click.option("--keep", is_flag=True, help="Leave everything there for a look.")
def command(directory: str | None, keep: bool) -> None:
    """Plays a cluster of four nodes in a directory: leases become a pool, and the IP Merger dies.

    It takes a few seconds, and needs no root, cloud or DHCP client.  Nothing outside the directory
    is touched; what was made in it is cleaned up, except when something fails.

    \b
    Examples:
      isi_net demo
      isi_net demo --dir /tmp/cluster --keep
    """
    from isi_net.demo.story import tell  # noqa: PLC0415 - `demo --help` needs none of it

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A reader who has gone (`| head`) ends the demo as it ends every command, but after it has cleaned up.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        with closing(tell(directory, keep)) as story:
            for paragraph in story:
                emit(paragraph)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
