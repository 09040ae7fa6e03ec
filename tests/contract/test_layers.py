"""Imports point down only: import-linter's contract in pyproject.toml holds, and can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    """import-linter's answer about the package in `house`; nothing is cached."""
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))"
    return subprocess.run(
        [sys.executable, "-c", lint], cwd=house, capture_output=True, text=True, check=False
    )


def test_imports_point_down() -> None:
    linted = lint_imports(HOUSE)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_an_import_that_points_up_is_found(tmp_path: Path) -> None:
    """The contract is no decoration: the same package with one line more breaks it."""
    shutil.copy(HOUSE / "pyproject.toml", tmp_path)
    shutil.copytree(HOUSE / "isi_net", tmp_path / "isi_net", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "isi_net/model/lease.py").open("a") as lease:
        lease.write("import isi_net.store.tree\n")
    linted = lint_imports(tmp_path)
    assert linted.returncode != 0
    assert "isi_net.model.lease -> isi_net.store.tree" in linted.stdout
