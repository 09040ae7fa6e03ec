"""How long the current lease of a dhclient file takes, against cloud-init's regular expression.

Both run in the system's interpreter, where Debian's package puts cloud-init; ours needs nothing but the
standard library, and is this working tree's.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from installed import HOUSE
from measured import Row, medians, missing, ratio, timed

from isi_net.formats import dhclient

REAL_SIZE = 11_500  # bytes: what real lease files reach
SYSTEM_PYTHON = "/usr/bin/python3"
RECORDED = HOUSE / "tests/corpus/isc/20-after-several-renewals.leases"

WHAT, TARGET = "parse: the current lease of 11.5 KB", "<= 1 x"
FLOOR = "cloudinit.net.dhcp, of the same file"

# Said by the system's interpreter: what is missing, or the times of both in turns, in seconds.
_IN_TURNS = """
import json, sys, time
path, trials = sys.argv[1], int(sys.argv[2])
try:
    from cloudinit.net import dhcp
except ImportError as error:
    print(json.dumps(f"{sys.executable} has no cloud-init ({error}): apt-get install cloud-init"))
    sys.exit()
from isi_net.formats import dhclient
content = open(path, encoding="utf-8").read()
data = content.encode()
if hasattr(dhcp, "parse_dhcp_lease_file"):
    def theirs(): return dhcp.parse_dhcp_lease_file(path)[-1]
elif hasattr(dhcp.IscDhclient, "parse_leases"):
    def theirs(): return dhcp.IscDhclient.parse_leases(content)[-1]
else:
    def theirs(): return dhcp.IscDhclient.parse_dhcp_lease_file(path)[-1]
def ours(): return dhclient.parse(data, only=("ext-1",)).leases[-1]
assert str(ours().address) == theirs()["fixed-address"]
def timed(what):
    began = time.perf_counter()
    what()
    return time.perf_counter() - began
print(json.dumps([(timed(ours), timed(theirs)) for _ in range(trials)]))
"""


def rows(directory: Path, small: bool) -> Iterator[Row]:
    trials = 20 if small else 500
    recorded = RECORDED.read_bytes()
    real = recorded * (REAL_SIZE // len(recorded))
    yield _beside_cloud_init(directory, real, trials)
    longest = recorded * (dhclient.MAX_FILE // len(recorded))
    times = len(longest) / len(real)
    ours, once = medians(timed(lambda: _current(longest)), timed(lambda: _current(real)), 3 if small else 30)
    floor = f"the real file's, times {times:.0f}: growth is linear"
    yield ratio("parse: the current lease of 1 MiB", ours, once * times, 1.3, floor)
    ours, once = medians(timed(lambda: _all(longest)), timed(lambda: _all(real)), 3 if small else 15)
    yield ratio("parse: all leases of 1 MiB", ours, once * times, 1.3, floor)


def _current(data: bytes) -> None:
    assert dhclient.parse(data, only=("ext-1",)).leases


def _all(data: bytes) -> None:
    assert dhclient.parse(data, "ext-1").leases


def _beside_cloud_init(directory: Path, data: bytes, trials: int) -> Row:
    path = directory / "dhclient.leases"
    path.write_bytes(data)
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(HOUSE))))
    try:
        said = subprocess.run(
            [SYSTEM_PYTHON, "-c", _IN_TURNS, str(path), str(trials)],
            env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        return missing(WHAT, TARGET, f"there is no {SYSTEM_PYTHON}")
    answer = json.loads(said.stdout)
    if isinstance(answer, str):
        return missing(WHAT, TARGET, answer)
    ours, theirs = (statistics.median(times) for times in zip(*answer, strict=True))
    return ratio(WHAT, ours, theirs, 1, FLOOR)
