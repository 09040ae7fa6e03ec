"""The whole way of an address with nobody helping: from a bare machine in a cloud to a cluster that serves.

Each node gets its settings, its daemon and one command.  The rest, the client, the report, the merger, the
pool and the address on the interface, is the daemon's; and the network answers ARP for nobody, so that a
lease lives on only if all of it works.
"""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud import GATEWAY, Cloud, Node
from patience import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("_able_machine")]

POOL = "groupnet0.subnet0.pool0"
RENEW_SECONDS = 15


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path, answers_arp=False, lease_seconds=120, renew_seconds=RENEW_SECONDS) as cloud:
        try:
            yield cloud
        finally:
            print(cloud.logs())
            for node in cloud.nodes:
                print(node.service_log.read_text())


def machine(cloud: Cloud, number: int) -> Node:
    """A machine of AWS, as its firmware says, with one NIC that has no address."""
    node = cloud.add_node(number, number, f"10.20.30.{10 + number}")
    dmi = node.root / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "sys_vendor").write_text("Amazon EC2\n")
    return node


def addresses(node: Node) -> list[str]:
    [link] = json.loads(node.namespace.ip("-json", "-4", "address", "show", "dev", "ext-1")) or [{}]
    return [one["local"] for one in link.get("addr_info", ())]


def renewals(node: Node, address: str) -> int:
    """How often the node asked its server itself, by unicast, and was answered."""
    log = node.service_log.read_text()
    asked = log.count(f"DHCPREQUEST for {address} on ext-1 to {GATEWAY} port 67")
    return min(asked, log.count(f"DHCPACK of {address}") - 1)  # the first was the lease itself


def test_bare_machines_become_a_cluster_that_serves_and_renews(cloud: Cloud) -> None:
    nodes = [machine(cloud, number) for number in (1, 2, 3)]
    for node in nodes:
        node.start_daemon()
        assert node.isi_net("services", "enable", "flexnet").returncode == 0

    for node in nodes:
        eventually(
            lambda node=node: addresses(node),
            f"{node.name} has its address",
            is_so=lambda there, node=node: there == [f"10.20.30.{10 + node.lnn}"],
        )
    for node in nodes:
        assert node.namespace.run("ping", "-n", "-c", "1", "-W", "5", GATEWAY).returncode == 0

    pool = nodes[0].ask("pools", "view", POOL)
    assert (pool["external_manager"], len(pool["ranges"])) == ("AWS", 3)
    assert nodes[0].ask("cloud", "view")["manager"] == "AWS"
    assert {one["state"] for one in nodes[0].ask("services", "list") if one["enabled"]} == {"running"}

    # Its lease is renewed at T1 because its address is there; without it no ARP request would be answered.
    eventually(
        lambda: [renewals(node, f"10.20.30.{10 + node.lnn}") for node in nodes],
        "every lease was renewed by unicast, twice",
        is_so=lambda counts: min(counts) >= 2,
        within=4 * RENEW_SECONDS,
    )

    # Whoever dies of it, the addresses stay, and the cluster goes on.
    assert nodes[0].daemon is not None
    nodes[0].daemon.send_signal(signal.SIGKILL)
    nodes[0].daemon.wait()
    nodes[0].start_daemon()
    eventually(
        lambda: nodes[0].ask("services", "view", "dhclient-ext-1")["state"],
        "the next daemon has a client",
        is_so=lambda state: state == "running",
    )
    assert [addresses(node) for node in nodes] == [["10.20.30.11"], ["10.20.30.12"], ["10.20.30.13"]]
    assert nodes[1].ask("flexnet", "plan") == []
