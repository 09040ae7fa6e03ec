"""The wheel holds all that a node needs, each file where programs look for it."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
COMPLETIONS = {
    "isi_net.bash": "bash-completion/completions/isi_net",
    "_isi_net": "zsh/site-functions/_isi_net",
    "isi_net.fish": "fish/vendor_completions.d/isi_net.fish",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the working tree, built without a network."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    built = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = directory.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> frozenset[str]:
    return frozenset(zipfile.ZipFile(wheel).namelist())


def shared(names: frozenset[str]) -> set[str]:
    """What is installed under `<prefix>/share`."""
    return {name.partition(".data/data/share/")[2] for name in names if ".data/data/share/" in name}


def test_every_file_of_the_package_is_inside(names: frozenset[str]) -> None:
    """The schema too, which is no Python file."""
    package = {
        file.relative_to(HOUSE).as_posix()
        for file in (HOUSE / "isi_net").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {"isi_net/formats/flx_config.rng", "isi_net/formats/flx_config-1.rng"} <= set(package)
    assert {name for name in names if name.startswith("isi_net/")} == package


def test_every_man_page_is_in_its_section(names: frozenset[str]) -> None:
    pages = {f"man/man{page.suffix[1:]}/{page.name}" for page in (HOUSE / "man").glob("*.[1-9]")}
    assert {name for name in shared(names) if name.startswith("man/")} == pages


def test_every_completion_is_where_its_shell_looks(names: frozenset[str]) -> None:
    made = {file.name for file in (HOUSE / "completions").glob("*isi_net*")}
    assert made <= COMPLETIONS.keys(), "hatch_build.py does not know where these go"
    assert {name for name in shared(names) if not name.startswith("man/")} == {
        COMPLETIONS[one] for one in made
    }


@pytest.mark.slow
def test_an_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    """Its entry point, out of a prefix of its own; the dependencies are this interpreter's."""
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--ignore-installed",
        "--no-deps",
        "--no-index",
        "--prefix",
        str(tmp_path),
        str(wheel),
    ]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    site = sysconfig.get_path("purelib", "posix_prefix", {"base": str(tmp_path)})
    for arguments in (["--version"], ["--root", str(tmp_path), "pools", "list"]):
        ran = subprocess.run(
            [tmp_path / "bin/isi_net", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": site},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(("isi_net ", "ID "))
