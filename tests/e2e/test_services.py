"""A node whose daemon runs its DHCP clients: real ones, killed, misled and kept waiting."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import GATEWAY, Cloud, Dhcpd, Node, mac_of, run, stop
from needs import missing, need
from patience import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SERVICE = "dhclient-ext-1"
POOL = "groupnet0.subnet0.pool0"
PACKAGES = {"dhclient": "isc-dhcp-client", "dhcpcd": "dhcpcd-base"}


def need_client(program: str) -> None:
    need(missing({program: PACKAGES[program]}))


class Clients:
    """A node that runs its clients itself, as those who look at it see it."""

    def __init__(self, node: Node, client: str) -> None:
        self.node, self.client = node, client
        self.settings()

    def settings(self, manager: str = "AWS", more: str = "") -> None:
        self.node.write_settings(f'[dhcp]\nmanager = "{manager}"\nclient = "{self.client}"\n{more}')

    def view(self, name: str = SERVICE) -> dict[str, Any]:
        return dict(self.node.ask("services", "view", name))

    def orphaned(self) -> int:
        """Kills the daemon once its client's address is published; gives back that client, which goes on."""
        self.wait_for_pool("10.20.30.11")
        assert self.node.daemon is not None
        self.node.daemon.kill()
        self.node.daemon.wait()
        (orphan,) = self.processes()
        return orphan

    def wait_for(self, state: str, name: str = SERVICE, **more: object) -> dict[str, Any]:
        wanted = {"state": state, **more}
        return eventually(
            lambda: self.view(name),
            f"{name} is {wanted}",
            is_so=lambda said: wanted.items() <= said.items(),
        )

    def report(self) -> dict[str, Any]:
        file = self.node.ifs / f".ifsvar/modules/flexnet/ip_reports/DHCP/node.{self.node.devid}"
        return dict(json.loads(file.read_text())) if file.exists() else {"addresses": [], "source": ""}

    def leased(self) -> dict[str, str]:
        return {one["interface"]: one["address"] for one in self.report()["addresses"]}

    def wait_for_address(self, address: str, interface: str = "ext-1", within: float = 30) -> None:
        eventually(
            self.leased,
            f"{address} is reported of {interface}",
            is_so=lambda leased: leased.get(interface) == address,
            within=within,
        )

    def pooled(self) -> list[str]:
        """The addresses of the pool; none while there is no pool."""
        if self.node.isi_net("pools", "view", POOL).returncode:
            return []
        return [one["low"] for one in self.node.ask("pools", "view", POOL)["ranges"]]

    def wait_for_pool(self, *addresses: str) -> None:
        eventually(self.pooled, f"{addresses} are pooled", is_so=lambda pooled: pooled == list(addresses))

    def processes(self) -> dict[int, str]:
        """The DHCP clients' processes in the node's network; dhcpcd counts by its main one."""
        found = {}
        for pid in run("ip", "netns", "pids", self.node.namespace.name).split():
            command = command_line(pid)
            if re.match(r"\S*dhclient |dhcpcd: \S+ \[ip4\]", command):
                found[int(pid)] = command
        return found

    def lives(self) -> bool:
        return bool(self.processes())


def command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture
def node(cloud: Cloud) -> Node:
    return cloud.add_node(1, 1, "10.20.30.11")


@pytest.fixture(params=["dhclient", "dhcpcd"])
def clients(request: pytest.FixtureRequest, node: Node) -> Iterator[Clients]:
    """A node in a cloud whose daemon was started; whatever happens, its interface is never configured."""
    need_client(request.param)
    clients = Clients(node, request.param)
    node.start_daemon()
    yield clients
    for interface in node.macs:
        assert node.ipv4_configuration(interface) == ""
        assert node.link_mtu(interface) == 1500


@pytest.fixture
def dhclient(node: Node) -> Iterator[Clients]:
    """The same with dhclient, where it is not the client that matters."""
    clients = Clients(node, "dhclient")
    node.start_daemon()
    yield clients
    assert node.ipv4_configuration("ext-1") == ""


# By itself.


def test_a_node_in_a_cloud_gets_its_pool_by_itself(clients: Clients) -> None:
    """From a client that nobody started to the pool; the report says which client that was."""
    clients.wait_for_address("10.20.30.11")
    clients.wait_for_pool("10.20.30.11")
    said = clients.wait_for("running", enabled=True, by_hand=False, reason=f"it is in {POOL}")
    assert (said["starts"], said["last_exit"]) == (1, "")
    assert clients.report()["source"] == clients.client
    assert clients.report()["problems"] == []
    assert len(clients.processes()) == 1
    log = clients.node.service_log.read_text()
    assert re.search(rf"{SERVICE}: .*10\.20\.30\.11", log)


def test_a_client_asks_for_what_a_cloud_gives_and_by_its_mac(cloud: Cloud, clients: Clients) -> None:
    clients.wait_for_address("10.20.30.11")
    log = (cloud.directory / "gateway/dnsmasq.log").read_text()
    assert "DHCPACK(eth0) 10.20.30.11" in log
    leases = (cloud.directory / "gateway/leases").read_text()
    mac = clients.node.macs["ext-1"]
    assert leases.split()[-1] == f"01:{mac}"  # option 61: hardware type 1 and the MAC


def test_a_second_interface_has_a_client_of_its_own(cloud: Cloud, clients: Clients) -> None:
    """Enabled by hand, because nothing says yet that it is in the pool; then its lease puts it there."""
    node = clients.node
    clients.wait_for_pool("10.20.30.11")
    cloud.add_nic(node, "ext-2", "10.20.30.21")
    clients.settings()
    before = clients.view()["pid"]
    assert node.daemon is not None
    node.daemon.send_signal(signal.SIGHUP)
    clients.wait_for("stopped", "dhclient-ext-2", reason="it is in no externally managed pool")
    node.isi_net("services", "-a", "dhclient-ext-2", "enable")
    clients.wait_for("running", "dhclient-ext-2", by_hand=True)
    clients.wait_for_address("10.20.30.21", "ext-2")
    clients.wait_for_pool("10.20.30.11", "10.20.30.21")
    assert clients.view()["pid"] == before
    assert len(clients.processes()) == 2


def test_a_daemon_for_one_turn_starts_no_client(node: Node) -> None:
    clients = Clients(node, "dhclient")
    assert node.isi_net("daemon", "--once").returncode == 0
    assert not clients.lives()


def test_a_node_that_comes_later_gets_into_the_pool(cloud: Cloud, dhclient: Clients) -> None:
    dhclient.wait_for_pool("10.20.30.11")
    later = cloud.add_node(2, 2, "10.20.30.12")
    clients = Clients(later, "dhclient")
    later.start_daemon()
    clients.wait_for("running", by_hand=False)
    clients.wait_for_pool("10.20.30.11", "10.20.30.12")
    clients.wait_for("running", reason=f"it is in {POOL}", starts=1)


# By hand.


def test_what_is_disabled_by_hand_stays_so(clients: Clients) -> None:
    """Also when the daemon is started again; its address stays in the pool."""
    node = clients.node
    clients.wait_for_pool("10.20.30.11")
    said = node.isi_net("services", "disable", SERVICE)
    assert said.stdout == f"The service '{SERVICE}' has been disabled.\n"
    clients.wait_for("stopped", enabled=False, by_hand=True)
    eventually(lambda: not clients.lives(), "no client runs")
    assert node.daemon is not None
    stop(node.daemon)
    node.start_daemon()
    eventually(lambda: "disabled by hand" in str(clients.view()["reason"]), "the daemon has seen it")
    assert not clients.lives()
    assert clients.pooled() == ["10.20.30.11"]
    node.isi_net("services", "enable", SERVICE)
    clients.wait_for("running", by_hand=True)


def test_on_premises_nothing_runs_until_somebody_asks(node: Node) -> None:
    clients = Clients(node, "dhclient")
    clients.settings(manager="DHCP")
    node.start_daemon()
    clients.wait_for("stopped", reason="it is in no externally managed pool")
    assert not clients.lives()
    assert node.isi_net("services", "enable", SERVICE).returncode == 0
    clients.wait_for_address("10.20.30.11")
    assert clients.pooled() == []
    assert node.isi_net("settings", "modify", "--on-premises-dhcp=true").returncode == 0
    clients.wait_for_pool("10.20.30.11")


def test_a_wish_is_heard_at_once(node: Node) -> None:
    """Also the first one ever, however seldom the daemon polls."""
    clients = Clients(node, "dhclient")
    clients.settings(manager="DHCP")
    settings = node.root / "etc/isi_net.toml"
    settings.write_text(settings.read_text().replace("poll_interval = 0.2", "poll_interval = 600"))
    node.start_daemon()
    clients.wait_for("stopped", reason="it is in no externally managed pool")
    node.isi_net("services", "enable", SERVICE)
    clients.wait_for("running")
    node.isi_net("services", "disable", SERVICE)
    clients.wait_for("stopped", reason="disabled by hand")


def test_a_new_reservation_is_followed_after_a_restart(cloud: Cloud, clients: Clients) -> None:
    clients.wait_for_pool("10.20.30.11")
    before = clients.view()["pid"]
    cloud.reserve(clients.node, "10.20.30.41")
    clients.node.isi_net("services", "restart", SERVICE)
    clients.wait_for_address("10.20.30.41")
    clients.wait_for_pool("10.20.30.41")
    assert clients.view()["pid"] != before
    assert len(clients.processes()) == 1


# Ends.


def test_a_client_that_is_killed_comes_back(clients: Clients) -> None:
    """After a second, then after two; its helpers do not outlive it, and its lease stands."""
    clients.wait_for_pool("10.20.30.11")
    for starts in (2, 3):
        (main,) = clients.processes()
        os.kill(main, signal.SIGKILL)
        clients.wait_for("waiting")
        said = clients.wait_for("running", starts=starts)
        assert said["last_exit"] != ""
        eventually(lambda: len(clients.processes()) == 1, "one client runs")
    assert main not in clients.processes()
    assert clients.leased() == {"ext-1": "10.20.30.11"}
    assert clients.pooled() == ["10.20.30.11"]


def test_a_killed_daemons_client_goes_on_until_the_next_daemon_takes_over(clients: Clients) -> None:
    node, orphan = clients.node, clients.orphaned()
    assert clients.view()["state"] == "stopped"
    node.start_daemon()
    clients.wait_for("running")
    eventually(lambda: len(clients.processes()) == 1, "one client runs")
    assert orphan not in clients.processes()
    assert "was started by a former daemon, and is ended" in node.service_log.read_text()
    assert clients.pooled() == ["10.20.30.11"]


def test_a_daemon_that_is_restarted_in_a_storage_outage_leaves_the_client_alone(clients: Clients) -> None:
    node, orphan = clients.node, clients.orphaned()
    away = node.ifs.rename(f"{node.ifs}.away")
    node.start_daemon()
    yet = "the network configuration cannot be read yet"  # what is said before is the former daemon's word
    eventually(lambda: clients.view(SERVICE), yet, is_so=lambda said: said["reason"].endswith(yet))
    assert clients.view(SERVICE)["state"] == "running"
    time.sleep(1)
    assert list(clients.processes()) == [orphan]
    assert not node.ifs.exists()
    away.rename(node.ifs)
    eventually(lambda: orphan not in clients.processes(), "its successor takes over")
    clients.wait_for("running", reason=f"it is in {POOL}")
    assert len(clients.processes()) == 1


def test_no_lease_is_given_back(cloud: Cloud, clients: Clients) -> None:
    """Neither when the daemon ends nor when the client is disabled or restarted."""
    node = clients.node
    clients.wait_for_pool("10.20.30.11")
    node.isi_net("services", "restart", SERVICE)
    clients.wait_for("running", starts=2)
    node.isi_net("services", "disable", SERVICE)
    clients.wait_for("stopped")
    node.isi_net("services", "enable", SERVICE)
    clients.wait_for("running")
    assert node.daemon is not None
    assert stop(node.daemon) == 0
    eventually(lambda: not clients.lives(), "no client runs")
    assert "DHCPRELEASE" not in (cloud.directory / "gateway/dnsmasq.log").read_text()
    assert clients.leased() == {"ext-1": "10.20.30.11"}


def test_other_settings_leave_a_client_alone(dhclient: Clients) -> None:
    """And a manager that changes under way is reported as it is now."""
    node = dhclient.node
    dhclient.wait_for_pool("10.20.30.11")
    before = dhclient.view()["pid"]
    assert node.daemon is not None
    dhclient.settings(manager="Azure")
    node.daemon.send_signal(signal.SIGHUP)
    eventually(lambda: dhclient.report()["manager"] == "Azure", "the new manager is reported")
    assert dhclient.view()["pid"] == before
    assert dhclient.pooled() == ["10.20.30.11"]


def test_another_kind_of_client_takes_over(cloud: Cloud, dhclient: Clients) -> None:
    """And what it is leased is reported at once, though the lease of the other one still runs."""
    need_client("dhcpcd")
    node = dhclient.node
    dhclient.wait_for_pool("10.20.30.11")
    dhclient.client = "dhcpcd"
    dhclient.settings()
    cloud.reserve(node, "10.20.30.41")
    assert node.daemon is not None
    node.daemon.send_signal(signal.SIGHUP)
    dhclient.wait_for_address("10.20.30.41")
    assert dhclient.report()["source"] == "dhcpcd"
    assert [one["code"] for one in dhclient.report()["problems"]] == ["two_clients"]
    dhclient.wait_for_pool("10.20.30.41")


# What the daemon of a real node has: / for its root.  Here that is a copy of it, in mounts of its own.
AS_ROOT = """
set -e
for own in etc var/lib/dhcpcd; do mkdir -p "$1/$own"; done
cp -a /etc/passwd /etc/group /etc/ld.so.cache "$1/etc" && cp -a /etc/alternatives "$1/etc/alternatives"
mkdir -p "$1/var/log" "$1/run/dhcpcd" && ln -sfn /run "$1/var/run"
mount --bind "$1/etc" /etc && mount --bind "$1/run" /run && mount --bind "$1/var" /var
shift
exec "$@"
"""


@pytest.mark.parametrize("client", ["dhclient", "dhcpcd"])
def test_below_the_root_that_nodes_really_have(node: Node, client: str) -> None:
    need_client(client)
    clients = Clients(node, client)
    daemon = node.namespace.start(
        *("sh", "-c", AS_ROOT, "sh", str(node.root)),
        *(sys.executable, "-m", "isi_net", "--root", "/", "--ifs", str(node.ifs), "daemon"),
        log=node.root.parent / "isi_net-daemon.log",
    )
    clients.wait_for_address("10.20.30.11")
    assert clients.report()["source"] == client
    assert clients.report()["problems"] == []
    assert len(clients.processes()) == 1
    assert node.ipv4_configuration("ext-1") == ""
    assert stop(daemon) == 0
    eventually(lambda: not clients.lives(), "no client runs")


# Others on the same interface.


def test_a_client_that_was_there_first_is_not_doubled(node: Node) -> None:
    """Though the interface gets into a pool, and the client is restarted now and then."""
    clients = Clients(node, "dhclient")
    node.start_dhclient()
    node.wait_for_lease("10.20.30.11")
    node.start_daemon()
    clients.wait_for_pool("10.20.30.11")
    for _ in range(3):
        node.restart_dhclient()
        said = clients.wait_for("stopped", enabled=False)
        assert re.fullmatch(r"dhclient, pid \d+, runs on ext-1", said["reason"])
        assert list(clients.processes()) == [node.clients["ext-1"].pid]
    assert clients.report()["problems"] == []


def test_two_clients_by_hand_are_a_finding(node: Node) -> None:
    clients = Clients(node, "dhcpcd")
    need_client("dhcpcd")
    node.start_dhclient()
    node.wait_for_lease("10.20.30.11")
    node.start_daemon()
    node.isi_net("services", "enable", SERVICE)
    clients.wait_for("running", by_hand=True)
    log = node.service_log
    eventually(lambda: f"{SERVICE}: dhclient, pid" in log.read_text(), "the other client is told of")
    assert "[two_clients]" in log.read_text()


def test_a_nic_that_comes_late_gets_its_client(cloud: Cloud, node: Node) -> None:
    clients = Clients(node, "dhclient")
    node.namespace.ip("link", "set", "ext-1", "name", "away")
    node.start_daemon()
    clients.wait_for("waiting", reason="there is no NIC ext-1")
    assert "[interface_missing]" in node.service_log.read_text()
    node.namespace.ip("link", "set", "away", "down")
    node.namespace.ip("link", "set", "away", "name", "ext-1")
    node.namespace.ip("link", "set", "ext-1", "up")
    clients.wait_for("running")
    clients.wait_for_address("10.20.30.11")


def test_a_directory_in_the_place_of_the_lease_file_is_a_finding_until_it_is_gone(node: Node) -> None:
    clients = Clients(node, "dhclient")
    node.lease_file().mkdir()
    node.start_daemon()
    eventually(
        lambda: [one["code"] for one in clients.report().get("problems", [])],
        "the finding",
        is_so=lambda codes: codes == ["lease_file_unreadable"],
    )
    node.lease_file().rmdir()
    node.isi_net("services", "restart", SERVICE)
    clients.wait_for_pool("10.20.30.11")
    assert clients.report()["problems"] == []


def test_spoilt_wishes_are_told_of_and_change_nothing(dhclient: Clients) -> None:
    node = dhclient.node
    dhclient.wait_for_pool("10.20.30.11")
    node.isi_net("services", "enable", SERVICE)
    before = dhclient.wait_for("running", by_hand=True)["pid"]
    wanted = node.root / "var/db/isi_net/services"
    good = wanted.read_text()
    wanted.write_text("{")
    log = node.service_log
    eventually(lambda: "[services_unreadable]" in log.read_text(), "the finding")
    refused = node.isi_net("services", "disable", SERVICE)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert wanted.read_text() == "{"
    wanted.write_text(good)
    eventually(lambda: "no more: what is wanted of services" in log.read_text(), "all is well again")
    assert dhclient.view()["pid"] == before


# Servers.


def test_a_server_that_is_away_past_the_end_of_the_lease(cloud: Cloud, clients: Clients) -> None:
    """The cloud's address stays, with a finding; when the server is back, so is the lease."""
    clients.wait_for_pool("10.20.30.11")
    cloud.server.stop()
    (cloud.directory / "short").mkdir()
    server = Dhcpd(cloud.gateway, "eth0", GATEWAY, cloud.directory / "short", lease_seconds=30)
    server.start()
    server.reserve(clients.node.macs["ext-1"], "10.20.30.11")
    clients.node.isi_net("services", "restart", SERVICE)

    def expire() -> str:
        (lease,) = clients.report()["addresses"]
        return str(lease["expire"])

    long = expire()
    eventually(expire, "a lease of 30 s", is_so=lambda said: said < long)
    server.stop()
    status = eventually(
        lambda: clients.node.isi_net("merger", "status", "--format", "json").stdout,
        "the lease has run out",
        is_so=lambda said: "lease_expired" in said,
        within=60,
    )
    assert "10.20.30.11" in status
    assert clients.pooled() == ["10.20.30.11"]
    server.start()
    eventually(
        lambda: clients.node.isi_net("merger", "status", "--format", "json").stdout,
        "there is a lease again",
        is_so=lambda said: "lease_expired" not in said,
        within=60,
    )
    assert clients.pooled() == ["10.20.30.11"]


FORGED = (
    'x\\";\\012}\\012lease {\\012  interface \\"ext-1\\";\\012  fixed-address 6.6.6.6;\\012}\\012\\033[2J'
)
HOSTILE = f"""\
option space-invaders code 250 = text;
option domain-name "{FORGED}";
option host-name "{FORGED}";
option space-invaders "{FORGED}";
filename "{FORGED}";
server-name "{FORGED[:60]}";
"""


def test_a_rogue_servers_address_is_refused_and_its_words_reach_nobody(
    cloud: Cloud, clients: Clients
) -> None:
    """It answers beside the true one, which has been told that this node is gone."""
    node = clients.node
    clients.wait_for_pool("10.20.30.11")
    rogue = cloud.add_namespace("rogue")
    cloud.plug(rogue, "eth0", mac_of("10.20.30.66"))
    rogue.ip("address", "add", "10.20.30.66/24", "dev", "eth0")
    cloud.server.forget(node.macs["ext-1"])
    (cloud.directory / "rogue").mkdir()
    server = Dhcpd(rogue, "eth0", "10.20.30.66", cloud.directory / "rogue", lease_seconds=600)
    server.more = HOSTILE
    server.start()
    server.reserve(node.macs["ext-1"], "10.20.30.67")
    node.isi_net("services", "restart", SERVICE)
    clients.wait_for_address("10.20.30.67", within=60)

    eventually(
        lambda: node.isi_net("merger", "status", "--format", "json").stdout,
        "the rogue is told of",
        is_so=lambda said: "server_not_trusted" in said,
    )
    assert clients.pooled() == ["10.20.30.11"]
    (lease,) = clients.report()["addresses"]
    assert (lease["address"], lease["server"]) == ("10.20.30.67", "10.20.30.66")
    for words in ("reports view 1", "dhcp lease show", "merger status", "services list", "config view"):
        shown = node.isi_net(*words.split()).stdout
        assert "\x1b" not in shown
        assert not re.search(r"^\s*fixed-address", shown, re.M)
    for text in (node.service_log.read_text(), *map(Path.read_text, reports(node))):
        assert "\x1b" not in text
    assert '"address": "6.6.6.6"' not in node.isi_net("dhcp", "lease", "list", "--format", "json").stdout


def reports(node: Node) -> list[Path]:
    return sorted((node.ifs / ".ifsvar/modules/flexnet/ip_reports/DHCP").glob("node.*"))
