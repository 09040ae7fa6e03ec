"""Fast, and shown to be: `.venv/bin/python tests/bench/run.py` prints ours, the floor and the peer as ratios.

All are measured in the same run, on this machine, on the file system of `--directory`.  A target that is
missed is said and fails nothing; what cannot be measured fails.  `--small` measures everything in a
minute, too little to believe a figure, so that none of it can rot.  Linux only.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # this working tree, whatever is installed

import daemon_rows
import parse_rows
import start_rows
import turn_rows
from installed import Installed
from measured import Row
from tabulate import tabulate

HEADINGS = ("what", "ours", "beside it", "found", "target", "met", "beside it is")
MET = {True: "yes", False: "NO", None: "?"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--small", action="store_true", help="everything once or twice, in a minute")
    parser.add_argument("--only", metavar="WORD", default="", help="the benches whose name has it")
    parser.add_argument("--directory", help="measure on the file system of this directory")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.directory)))
        found: list[Row] = []
        stack.callback(lambda: print(_table(found)))  # also what came before a failure
        program = Installed(directory)
        for name, rows in _benches(program, directory, given.small).items():
            if given.only in name:
                (directory / name).mkdir()
                for row in rows(directory / name):
                    print(f"{row.what}: {row.found}", file=sys.stderr)
                    found.append(row)


def _benches(program: Installed, directory: Path, small: bool) -> dict[str, Callable[[Path], Iterator[Row]]]:
    return {
        "start": partial(start_rows.rows, program, small=small),
        "parse": partial(parse_rows.rows, small=small),
        "turns": partial(turn_rows.rows, small=small),
        "handover": partial(daemon_rows.handover, program, small=small),
        "news": partial(daemon_rows.news, program, small=small),
        "idle": partial(daemon_rows.idle, program, small=small),
        "herd": partial(daemon_rows.herd, program, small=small),
    }


def _table(found: list[Row]) -> str:
    cells = [
        (row.what, row.ours, row.beside, row.found, row.target, MET[row.met], row.floor) for row in found
    ]
    return tabulate(cells, HEADINGS, disable_numparse=True)


if __name__ == "__main__":
    main()
