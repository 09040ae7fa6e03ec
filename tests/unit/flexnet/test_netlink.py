"""What can be said of netlink without a network: the rest is tests/e2e/test_flexnet.py."""

import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network

import pytest

from isi_net.errors import Refused
from isi_net.flexnet.netlink import Kernel, unsupported
from isi_net.model.steps import AddRoute, DeleteRoute, ReplaceRoute, Route, SetMtu, Step


@pytest.mark.parametrize("platform", ["freebsd14", "darwin"])
def test_a_system_without_netlink_is_told_clearly_and_what_to_do(platform: str) -> None:
    why = unsupported(platform)
    assert why is not None
    assert platform in why.what
    assert why.todo


def test_linux_has_it() -> None:
    assert unsupported("linux") is None


ENDLESS = Route(IPv4Network("198.51.100.0/24"), IPv4Address("192.0.2.1"), "lo", metric=5_000_000_000)


@pytest.mark.parametrize(
    "step",
    [
        AddRoute("lo", ENDLESS),
        ReplaceRoute("lo", ENDLESS),
        DeleteRoute("lo", ENDLESS),
        SetMtu("lo", 10**12),
        SetMtu("lo", -1),
    ],
    ids=str,
)
@pytest.mark.skipif(unsupported() is not None, reason="netlink is Linux's")
def test_a_number_that_netlink_has_no_room_for_is_refused_before_the_kernel_sees_it(step: Step) -> None:
    with Kernel() as kernel:
        before = kernel.present([ENDLESS.destination])
        with pytest.raises(Refused, match=f"`{step}` cannot be asked"):
            kernel.take(step)
        assert kernel.present([ENDLESS.destination]) == before


def test_a_daemon_without_flexnet_loads_no_pyroute2() -> None:
    """It takes a fifth of a second, and memory for as long as the daemon runs."""
    code = "import sys, isi_net.daemon.wiring, isi_net.cli.flexnet; sys.exit('pyroute2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
