"""isi_net as users run it: the wheel of this working tree, installed in a virtual environment of its own.

No network is needed: the dependencies are those of the interpreter that runs this, copied.
"""

import compileall
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HOUSE = Path(__file__).parents[2]


class Installed:
    """A virtual environment with isi_net in it, and nothing that it does not need."""

    def __init__(self, directory: Path) -> None:
        venv = directory / "venv"
        self.python = str(venv / "bin/python")
        self.isi_net = str(venv / "bin/isi_net")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "ISI_NET", "COV_"))
        }
        _run(sys.executable, "-m", "venv", "--without-pip", str(venv))
        (site,) = venv.glob("lib/python3*/site-packages")
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory), cwd=HOUSE)
        (wheel,) = directory.glob("*.whl")
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "-q")
        _run(*pip, "--no-deps", "--no-index", str(wheel))
        for name in _requirements(next(site.glob("isi_net-*.dist-info"))):
            _copy(metadata.distribution(name), site)
        compileall.compile_dir(site, quiet=2)

    def command(self, *words: str) -> list[str]:
        return [self.isi_net, *words]

    def floor(self, program: str) -> list[str]:
        """The same interpreter with a program of one line."""
        return [self.python, "-c", program]


def _requirements(installed: Path) -> set[str]:
    """What the distribution needs, and what that needs in its turn."""
    wanted = metadata.Distribution.at(installed).requires or []
    found: set[str] = set()
    while wanted:
        one = wanted.pop()
        name = one.partition(";")[0].strip()
        for end in "<>=!~ [":
            name = name.partition(end)[0]
        if "extra ==" in one or name in found:
            continue
        try:
            wanted += metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            continue  # of another platform
        found.add(name)
    return found


def _copy(distribution: metadata.Distribution, site: Path) -> None:
    for file in distribution.files or []:
        if ".." not in file.parts:  # a script of its own is none of ours
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), target)


def _run(*command: str, cwd: Path | None = None) -> None:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
