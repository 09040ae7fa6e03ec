"""What can be said of netlink without a network: the rest is tests/e2e/test_flexnet.py."""

import subprocess
import sys

import pytest

from isi_net.flexnet.netlink import unsupported


@pytest.mark.parametrize("platform", ["freebsd14", "darwin"])
def test_a_system_without_netlink_is_told_clearly_and_what_to_do(platform: str) -> None:
    why = unsupported(platform)
    assert why is not None
    assert platform in why.what
    assert why.todo


def test_linux_has_it() -> None:
    assert unsupported("linux") is None


def test_a_daemon_without_flexnet_loads_no_pyroute2() -> None:
    """It takes a fifth of a second, and memory for as long as the daemon runs."""
    code = "import sys, isi_net.daemon.wiring, isi_net.cli.flexnet; sys.exit('pyroute2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
