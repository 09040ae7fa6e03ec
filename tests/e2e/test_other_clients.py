"""A machine that has a DHCP client already: dhcpcd, which keeps the raw packet, is read and never asked."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cloud import DOMAIN, GATEWAY, LEASE_SECONDS, MTU, Cloud, Node, run
from needs import missing, need
from patience import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# dhcpcd keeps its leases at one place; each node's shall be below its root. `ip netns exec` gives every
# program mounts of its own, so that none of this is seen outside.
START = """
mount --bind "$1" /var/lib/dhcpcd && mkdir -p /run/dhcpcd && mount -t tmpfs tmpfs /run/dhcpcd &&
exec dhcpcd --nobackground --ipv4only --noconfigure --noarp --timeout 0 --config "$2" "$3"
"""
CONF = """\
clientid
option subnet_mask, routers, domain_name_servers, domain_name, interface_mtu, classless_static_routes
"""


class Dhcpcd:
    """A node's dhcpcd, configuring nothing."""

    def __init__(self, node: Node, interface: str = "ext-1") -> None:
        self._node, self._interface = node, interface
        self._folder = node.root / "var/lib/dhcpcd"
        self._folder.mkdir(parents=True)
        shutil.chown(self._folder, "dhcpcd")
        self.lease = self._folder / f"{interface}.lease"
        self.program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = self._node.root / "etc/dhcpcd.conf"
        configuration.write_text(CONF)
        self.program = self._node.namespace.start(
            *("sh", "-c", START, "sh", str(self._folder), str(configuration), self._interface),
            log=self._node.root.parent / "dhcpcd.log",
        )

    def kill(self) -> None:
        """As a crash would end it, its helpers too: nobody says goodbye to the server."""
        assert self.program is not None
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.program.wait()
        eventually(lambda: not self._processes(), "dhcpcd and its helpers are gone")

    def _processes(self) -> list[int]:
        inside = run("ip", "netns", "pids", self._node.namespace.name).split()
        return [int(pid) for pid in inside if command_line(pid).startswith(b"dhcpcd")]

    def ends(self) -> int:
        """When its lease ends, as dhcpcd itself would reckon after a restart."""
        return int(self.lease.stat().st_mtime) + LEASE_SECONDS


def command_line(pid: str) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture
def node(cloud: Cloud) -> Node:
    need(missing({"dhcpcd": "dhcpcd-base"}))
    node = cloud.add_node(1, 1, "10.20.30.11")
    node.write_settings(
        '[dhcp]\nclient = "none"\n'
    )  # while the client that is there is dead, ours stays away
    return node


@pytest.fixture
def client(node: Node) -> Dhcpcd:
    """The node's dhcpcd, with a lease."""
    client = Dhcpcd(node)
    client.start()
    eventually(client.lease.exists, "dhcpcd has a lease")
    return client


def report(node: Node) -> dict[str, Any]:
    """What the node's report says; nothing while there is none."""
    file = node.ifs / ".ifsvar/modules/flexnet/ip_reports/DHCP/node.1"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def wait_for_report(node: Node, address: str, source: str) -> dict[str, Any]:
    return eventually(
        lambda: report(node),
        f"{address} is reported, from {source}",
        is_so=lambda said: (
            said
            and said["source"] == source
            and [lease["address"] for lease in said["addresses"]] == [address]
        ),
    )


def test_the_lease_of_a_client_that_is_there_already_is_reported(node: Node, client: Dhcpcd) -> None:
    """With all that the server said, and its end to the second; and no interface is configured."""
    node.start_daemon()
    said = wait_for_report(node, "10.20.30.11", "dhcpcd")
    assert said["problems"] == []
    [lease] = said["addresses"]
    assert lease["expire"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(client.ends()))
    shown = node.ask("dhcp", "lease", "show", "ext-1")
    assert (shown["address"], shown["gateway"], shown["mtu"]) == ("10.20.30.11", GATEWAY, MTU)
    assert (shown["server"], shown["domain_name"], shown["state"]) == (GATEWAY, DOMAIN, "bound")
    by_name = node.ask("dhcp", "lease", "show", "--file", str(client.lease))
    assert by_name == shown
    assert node.ipv4_configuration("ext-1") == ""
    eventually(lambda: node.isi_net("pools", "view", "groupnet0.subnet0.pool0").returncode == 0, "a pool")


def test_a_new_address_is_reported_after_the_client_and_the_daemon_were_killed(
    cloud: Cloud, node: Node, client: Dhcpcd
) -> None:
    daemon = node.start_daemon()
    wait_for_report(node, "10.20.30.11", "dhcpcd")

    client.kill()
    cloud.reserve(node, "10.20.30.41")
    client.start()
    wait_for_report(node, "10.20.30.41", "dhcpcd")

    daemon.kill()
    daemon.wait()
    client.kill()
    cloud.reserve(node, "10.20.30.42")
    client.start()
    node.start_daemon()
    said = wait_for_report(node, "10.20.30.42", "dhcpcd")
    assert said["problems"] == []


def test_a_lease_file_that_is_spoilt_or_lost_leaves_what_was_reported(node: Node, client: Dhcpcd) -> None:
    """Until there is a good one again; meanwhile a finding names the file."""
    node.start_daemon()
    wait_for_report(node, "10.20.30.11", "dhcpcd")
    client.kill()
    good = client.lease.read_bytes()
    for spoil, code in (
        (lambda: client.lease.write_bytes(good[:300]), "lease_none"),
        (lambda: client.lease.write_bytes(b"lease {" * 100), "lease_file_broken"),
        (client.lease.unlink, "lease_file_missing"),
        (client.lease.mkdir, "lease_file_unreadable"),
    ):
        spoil()
        said = eventually(
            lambda: report(node),
            code,
            is_so=lambda said, code=code: code in {problem["code"] for problem in said["problems"]},
        )
        assert [lease["address"] for lease in said["addresses"]] == ["10.20.30.11"]
    client.lease.rmdir()
    client.lease.write_bytes(good)
    eventually(lambda: report(node)["problems"] == [], "all is well again")


def test_another_client_that_takes_over_is_followed(node: Node, client: Dhcpcd) -> None:
    """While both leases run there is a finding, which goes with what the old one left behind."""
    node.start_daemon()
    wait_for_report(node, "10.20.30.11", "dhcpcd")
    client.kill()
    node.start_dhclient()
    said = wait_for_report(node, "10.20.30.11", "dhclient")
    assert [(problem["code"], problem["severity"]) for problem in said["problems"]] == [
        ("two_clients", "info")
    ]
    client.lease.unlink()
    eventually(lambda: report(node)["problems"] == [], "one client is left")
