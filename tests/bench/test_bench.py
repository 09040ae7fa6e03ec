"""The benches run: every row is there.  What they measure here is nobody's business."""

import subprocess
import sys
from pathlib import Path

import pytest

ROWS = (
    *("start: pools list --format json", "start: pools list (table)", "start: --version", "1,000 pools"),
    *(
        "parse: the current lease of 11.5 KB",
        "parse: the current lease of 1 MiB",
        "parse: all leases of 1 MiB",
    ),
    *("turn, nothing changed", "turn, one report changed", "252 nodes", "500 nodes", "a node of 500"),
    *("to the line in the log, p50", "to the line in the log, p99", "to the first finished turn"),
    *("news, p50", "news, p99", "no inotify instance left"),
    *("poll interval 1 s: CPU", "poll interval 1 s: resident", "growth over an hour"),
    *("herd of 12: holders", "herd of 12: all merged", "a SIGKILL of the holder costs"),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's /proc counts the CPU time")
def test_every_bench_runs_small_and_prints_its_row(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(Path(__file__).with_name("run.py")),
        "--small",
        "--directory",
        str(tmp_path),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    table = ran.stdout.splitlines()
    assert [row for row in ROWS if not any(row in line for line in table)] == []
