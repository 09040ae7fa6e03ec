"""README's tour, walked as it stands: what it shows is what is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

PROGRAM = f"{sys.executable} -m isi_net"
HOUSE = Path(__file__).parents[2]
TOUR = (HOUSE / "README.md").read_text().partition("\n## A tour\n")[2].partition("\n## ")[0]


def steps() -> list[tuple[str, str]]:
    """The commands of the tour in their order, each with what is shown of its output."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TOUR, re.MULTILINE | re.DOTALL)
    said = "\n".join(block for language, block in blocks if not language)
    shown = [one.partition("\n") for one in re.split(r"^\$ ", said, flags=re.MULTILINE)[1:]]
    return [(command, output.strip()) for command, _, output in shown]


def plain(text: str, demo: Path) -> str:
    """Without what no two runs have in common: times, who held the role, the directory, and what columns of a
    table are as wide as.
    """
    for pattern, instead in (
        (re.escape(str(demo)), "/tmp/demo"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "NOW"),
        (r"\d +\d +GLaDOS-\d", "HOLDER"),
        # Who is told to end a moment later than the holder may have the role for that moment.
        (r"(?m)^[345] +HOLDER .*released\n", ""),
        (r"Total: \d", "Total"),
        (r"-{3,}", "---"),
        (r" +", " "),
    ):
        text = re.sub(pattern, instead, text)
    return text.strip()


def test_the_tour_shows_what_is_printed(tmp_path: Path) -> None:
    """It begins in a shell where the program is, and keeps its demo in a directory of its own."""
    demo = tmp_path / "demo"
    (activate, _), (play, _), (export, _), *looks = steps()
    assert activate == ". .venv/bin/activate"
    assert len(looks) == 6

    def said(*lines: str) -> tuple[int, str]:
        script = "\n".join(lines).replace("/tmp/demo", str(demo)).replace("isi_net ", f"{PROGRAM} ")
        ran = subprocess.run(
            ["/bin/sh", "-c", script],
            env=os.environ | {"PYTHONPATH": str(HOUSE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.returncode, plain(ran.stdout, demo)

    status, story = said(play)
    assert status == 0, story
    assert plain(export, demo) in story
    for command, shown in looks:
        status, printed = said(export, command)
        assert status == (1 if shown.startswith("Error: ") else 0), printed
        wanted = plain(shown.removesuffix("…"), demo)
        assert printed == wanted or (shown.endswith("…") and printed.startswith(wanted))
