"""A cloud on one machine: network namespaces, a fabric that answers ARP, a real DHCP server and real clients.

Nothing here knows how `isi_net` works; it starts it as an administrator would and looks at files. All links
and addresses are inside namespaces that a `Cloud` makes and takes away again; the machine's own network is
never touched.

    gateway: eth0 10.20.30.1/24, dnsmasq ──┐
    n1:      ext-1, dhclient, isi_net  ────┼── fabric: br0, no address
    n2:      ext-1, dhclient, isi_net  ────┘
"""

import ipaddress
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from needs import missing
from patience import eventually

GATEWAY = "10.20.30.1"
SUBNET = ipaddress.ip_network("10.20.30.0/24")
DNS_SERVER = "10.20.0.2"
DOMAIN = "eu-west-1.compute.internal"
MTU = 9001
LEASE_SECONDS = 3600

DEBIAN_PACKAGES = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "dnsmasq": "dnsmasq-base",
    "dhclient": "isc-dhcp-client",
    "dhcpd": "isc-dhcp-server",
    "ping": "iputils-ping",
}

# Short intervals: the defaults wait up to a minute for what a server next door answers at once.
DHCLIENT_CONF = """\
request subnet-mask, broadcast-address, routers, domain-name, domain-name-servers, interface-mtu;
initial-interval 1;
backoff-cutoff 2;
retry 2;
"""


class RigError(Exception):
    """A command that builds the cloud failed."""


def lacking() -> list[str]:
    """What this machine lacks to hold a cloud, in words for a person; empty when it lacks nothing."""
    lacks = missing(DEBIAN_PACKAGES, root_for="network namespaces")
    if lacks:
        return lacks
    with ExitStack() as stack:
        try:
            trial = stack.enter_context(Namespace(f"isi-{secrets.token_hex(3)}-trial"))
            trial.ip("link", "add", "br0", "type", "bridge")
            trial.ip("link", "add", "port", "type", "veth", "peer", "name", "ext-1")
            trial.ip("link", "set", "port", "master", "br0")
            trial.ip("link", "set", "port", "type", "bridge_slave", "proxy_arp_wifi", "on")
            run("ip", "netns", "exec", trial.name, "true")
        except RigError as error:
            lacks.append(f"network namespaces with veth and bridge ({error})")
    return lacks


def run(*command: str) -> str:
    """Run a command that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RigError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def stop(process: subprocess.Popen[bytes], *, within: float = 5) -> int:
    """End a program politely, or else by force; its exit status."""
    process.terminate()
    try:
        return process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def mac_of(address: str) -> str:
    """The MAC of the NIC that was first given this address: 10.20.30.11 is 02:00:0a:14:1e:0b."""
    return b"\x02\x00".hex(":") + ":" + ipaddress.ip_address(address).packed.hex(":")


class Namespace:
    """A network namespace with the programs that run in it; when it goes, they go too."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._programs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self._programs):
            stop(program)
        for pid in run("ip", "netns", "pids", self.name).split():  # what the programs left behind
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "delete", self.name)

    def ip(self, *arguments: str) -> str:
        return run("ip", "-n", self.name, *arguments)

    def start(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program that stays in the foreground. `ip netns exec` becomes it, so the pid is its own."""
        with log.open("ab") as output:
            program = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._programs.append(program)
        return program

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; whether it succeeded is for the caller to judge."""
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


class _Server:
    """A cloud's DHCP server: each MAC has a reservation, and nobody else gets anything."""

    def __init__(
        self,
        namespace: Namespace,
        interface: str,
        address: str,
        directory: Path,
        domain: str = DOMAIN,
        lease_seconds: int = LEASE_SECONDS,
        renew_seconds: int | None = None,
    ) -> None:
        """`renew_seconds` is T1, if the client shall not have half of the lease; T2 follows 15 s later."""
        self._namespace, self._interface, self._address = namespace, interface, address
        self._directory, self._domain = directory, domain
        self._lease_seconds, self._renew_seconds = lease_seconds, renew_seconds
        self._reservations: dict[str, str] = {}
        self._program: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Leave every client without an answer."""
        assert self._program is not None, "start the server before stopping it"
        stop(self._program)


class Dnsmasq(_Server):
    """dnsmasq as that server; it reads its reservations again on SIGHUP."""

    @property
    def _hosts(self) -> Path:
        return self._directory / "reservations"

    @property
    def _log(self) -> Path:
        return self._directory / "dnsmasq.log"

    def start(self) -> None:
        self._write_reservations()
        self._program = self._namespace.start(
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--pid-file",
            "--log-facility=-",
            f"--interface={self._interface}",
            "--bind-interfaces",
            "--dhcp-authoritative",
            "--no-ping",  # the clients configure nothing, so a ping could tell it nothing
            f"--dhcp-leasefile={self._directory / 'leases'}",
            f"--dhcp-hostsfile={self._hosts}",
            f"--dhcp-range={SUBNET.network_address},static,{SUBNET.netmask},{self._lease_seconds}",
            *self._times(),
            f"--dhcp-option=option:router,{self._address}",
            f"--dhcp-option=option:dns-server,{DNS_SERVER}",
            f"--dhcp-option=option:domain-name,{self._domain}",
            f"--dhcp-option=option:mtu,{MTU}",
            log=self._log,
        )
        self._wait_until_it_has_read(times=1)

    def _times(self) -> list[str]:
        if self._renew_seconds is None:
            return []
        return [
            f"--dhcp-option-force=option:T1,{self._renew_seconds}",
            f"--dhcp-option-force=option:T2,{self._renew_seconds + 15}",
        ]

    def reserve(self, mac: str, address: str) -> None:
        """Give a MAC its address; a client that has another is refused it when it next asks."""
        self._reservations[mac] = address
        self._read_reservations()

    def forget(self, mac: str) -> None:
        """Give a MAC nothing any more."""
        del self._reservations[mac]
        self._read_reservations()

    def _read_reservations(self) -> None:
        assert self._program is not None, "start the server before reserving"
        self._write_reservations()
        times = self._times_read()
        self._program.send_signal(signal.SIGHUP)
        self._wait_until_it_has_read(times=times + 1)

    def _write_reservations(self) -> None:
        lines = [f"{mac},{address}\n" for mac, address in self._reservations.items()]
        self._hosts.write_text("".join(lines))

    def _times_read(self) -> int:
        return self._log.read_text().count(f"read {self._hosts}\n")

    def _wait_until_it_has_read(self, *, times: int) -> None:
        eventually(
            self._times_read,
            f"dnsmasq has read {self._hosts} {times} times",
            is_so=lambda read: read >= times,
            within=10,
        )


class Dhcpd(_Server):
    """ISC dhcpd as that server.  It reads its reservations when it starts, so each makes it start again."""

    more = ""  # what its configuration says besides, when it starts; the last word counts

    @property
    def _log(self) -> Path:
        return self._directory / "dhcpd.log"

    def start(self) -> None:
        hosts = "".join(
            f"host h{number} {{ hardware ethernet {mac}; fixed-address {address}; }}\n"
            for number, (mac, address) in enumerate(self._reservations.items())
        )
        configuration, leases = self._directory / "dhcpd.conf", self._directory / "dhcpd.leases"
        configuration.write_text(
            f"authoritative; ping-check false;\n"
            f"default-lease-time {self._lease_seconds}; max-lease-time {self._lease_seconds};\n"
            f"{self._times()}"
            f"option routers {self._address}; option domain-name-servers {DNS_SERVER};\n"
            f'option domain-name "{self._domain}"; option interface-mtu {MTU};\n'
            f"{self.more}"
            f"subnet {SUBNET.network_address} netmask {SUBNET.netmask} {{ }}\n{hosts}"
        )
        leases.touch()
        times = self._times_ready()
        self._program = self._namespace.start(
            *("dhcpd", "-d", "-4", "--no-pid", "-cf", str(configuration)),
            *("-lf", str(leases), self._interface),
            log=self._log,
        )
        eventually(self._times_ready, "dhcpd has started", is_so=lambda ready: ready > times, within=10)

    def _times(self) -> str:
        if self._renew_seconds is None:
            return ""
        rebind = self._renew_seconds + 15
        return f"option dhcp-renewal-time {self._renew_seconds}; option dhcp-rebinding-time {rebind};\n"

    def _times_ready(self) -> int:
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        return log.count("Server starting service.")

    def reserve(self, mac: str, address: str) -> None:
        """Give a MAC its address."""
        self._reservations[mac] = address
        self.stop()
        self.start()


class Node:
    """A node of the cluster: a namespace with its NICs, and a root directory of its own."""

    def __init__(self, namespace: Namespace, devid: int, lnn: int, directory: Path, ifs: Path) -> None:
        self.namespace = namespace
        self.devid = devid
        self.lnn = lnn
        self.name = f"GLaDOS-{lnn}"
        self.root = directory / "root"
        self.ifs = ifs
        self.macs: dict[str, str] = {}
        self.clients: dict[str, subprocess.Popen[bytes]] = {}
        self.daemon: subprocess.Popen[bytes] | None = None
        self._directory = directory
        for folder in ("etc", "var/db/dhclient", "var/log", "var/run"):
            (self.root / folder).mkdir(parents=True)

    @property
    def service_log(self) -> Path:
        return self.root / "var/log/isi_smartconnect"

    def ipv4_configuration(self, interface: str) -> str:
        """The interface's addresses and routes as the kernel has them; empty when nobody configured any."""
        addresses = self.namespace.ip("-4", "-oneline", "address", "show", "dev", interface)
        routes = self.namespace.ip("-4", "route", "show", "table", "all", "dev", interface)
        return addresses + routes

    def link_mtu(self, interface: str) -> int:
        [link] = json.loads(self.namespace.ip("-json", "link", "show", "dev", interface))
        return int(link["mtu"])

    # The DHCP client

    def lease_file(self, interface: str = "ext-1") -> Path:
        return self.root / f"var/db/dhclient/dhclient.leases.{interface}"

    def start_dhclient(self, interface: str = "ext-1") -> None:
        """Start ISC dhclient as a reporter's client: it persists its lease and configures nothing."""
        configuration = self._directory / f"dhclient-{interface}.conf"
        configuration.write_text(DHCLIENT_CONF)
        self.clients[interface] = self.namespace.start(
            "dhclient",
            "-d",
            "-4",
            "-sf",
            # Must exit 0: after a script that fails, dhclient declines the lease.
            shutil.which("true") or "/bin/true",
            "-cf",
            str(configuration),
            "-pf",
            str(self.root / f"var/run/dhclient-{interface}.pid"),
            "-lf",
            str(self.lease_file(interface)),
            interface,
            log=self._directory / f"dhclient-{interface}.log",
        )

    def restart_dhclient(self, interface: str = "ext-1") -> None:
        """Make the client ask again at once.

        It asks for the address in its lease file (INIT-REBOOT, RFC 2131 3.2). A server that has reserved
        another one answers DHCPNAK, and the client starts afresh with DHCPDISCOVER.
        """
        stop(self.clients[interface])
        self.start_dhclient(interface)

    def last_lease(self, interface: str = "ext-1") -> str:
        """The last lease that the client wrote, without the braces; empty when there is none yet."""
        file = self.lease_file(interface)
        leases = re.findall(r"^lease \{\n(.*?)^\}\n", file.read_text() if file.exists() else "", re.M | re.S)
        return str(leases[-1]) if leases else ""

    def leased_address(self, interface: str = "ext-1") -> str | None:
        found = re.search(r"fixed-address ([0-9.]+);", self.last_lease(interface))
        return found[1] if found else None

    def wait_for_lease(self, address: str, interface: str = "ext-1") -> None:
        eventually(
            lambda: self.leased_address(interface),
            f"{self.name} has a lease on {address} for {interface}",
            is_so=lambda leased: leased == address,
        )

    # isi_net

    def write_settings(self, more: str = "") -> None:
        interfaces = "".join(f'{interface} = "{interface}"\n' for interface in self.macs)
        (self.root / "etc/isi_net.toml").write_text(
            f'[node]\ndevid = {self.devid}\nlnn = {self.lnn}\nname = "{self.name}"\n'
            f"[interfaces]\n{interfaces}"
            f"[daemon]\npoll_interval = 0.2\n{more}"
        )

    def start_daemon(self) -> subprocess.Popen[bytes]:
        self.daemon = self.namespace.start(
            *self._isi_net("daemon"), log=self._directory / "isi_net-daemon.log"
        )
        return self.daemon

    def isi_net(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one `isi_net` command on this node."""
        return self.namespace.run(*self._isi_net(*arguments))

    def ask(self, *arguments: str) -> Any:
        """What a command that has to succeed answers as JSON."""
        done = self.isi_net(*arguments, "--format", "json")
        assert done.returncode == 0, f"isi_net {' '.join(arguments)} on {self.name}: {done}"
        return json.loads(done.stdout)

    def ask_anyway(self, *arguments: str) -> Any:
        """What a command answers as JSON, also when its exit status says that something is wrong."""
        done = self.isi_net(*arguments, "--format", "json")
        assert done.stdout, f"isi_net {' '.join(arguments)} on {self.name}: {done}"
        return json.loads(done.stdout)

    def _isi_net(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "isi_net", "--root", str(self.root), "--ifs", str(self.ifs), *arguments]


class Cloud:
    """A fabric with a gateway that leases addresses, and the nodes that are plugged into it."""

    def __init__(
        self,
        directory: Path,
        *,
        answers_arp: bool = True,
        domain: str = DOMAIN,
        server: type[Dnsmasq] | type[Dhcpd] = Dnsmasq,
        lease_seconds: int = LEASE_SECONDS,
        renew_seconds: int | None = None,
    ) -> None:
        """`answers_arp`: the fabric answers ARP for reserved addresses, as a VPC does.

        Without it a server can not unicast to a client that configures nothing, and no renewal succeeds.
        The server leases the `domain`; AWS' own and the resolver tell a node that it is in AWS.
        """
        self._domain = domain
        self._server_of, self._times = server, (lease_seconds, renew_seconds)
        self.directory = directory
        self.ifs = directory / "ifs"
        self.nodes: list[Node] = []
        self._answers_arp = answers_arp
        self.name = f"isi-{secrets.token_hex(3)}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # takes everything down again if building it fails
            self._stack = stack
            self.ifs.mkdir()
            self.fabric = self.add_namespace("fabric")
            self.fabric.ip("link", "add", "br0", "type", "bridge")
            self.fabric.ip("link", "set", "br0", "up")
            self.gateway = self.add_namespace("gateway")
            self.plug(self.gateway, "eth0", mac_of(GATEWAY))
            self.gateway.ip("address", "add", f"{GATEWAY}/{SUBNET.prefixlen}", "dev", "eth0")
            folder = self.directory / "gateway"
            folder.mkdir()
            self.server = self._server_of(self.gateway, "eth0", GATEWAY, folder, self._domain, *self._times)
            self.server.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add_namespace(self, name: str) -> Namespace:
        return self._stack.enter_context(Namespace(f"{self.name}-{name}"))

    def plug(self, namespace: Namespace, interface: str, mac: str) -> None:
        """Put a NIC into a namespace, cabled to the fabric and up, with no address of any family."""
        port = port_of(mac)
        self.fabric.ip(
            *("link", "add", port, "type", "veth"),
            *("peer", "name", interface, "address", mac, "netns", namespace.name),
        )
        self.fabric.ip("link", "set", port, "master", "br0")
        # The bridge answers for a neighbour entry (`_answer_arp`) only while it knows the MAC's port: fix it.
        self.fabric.ip("link", "set", port, "type", "bridge_slave", "proxy_arp_wifi", "on")
        run("bridge", "-n", self.fabric.name, "fdb", "replace", mac, "dev", port, "master", "static")
        self.fabric.ip("link", "set", port, "up")
        namespace.ip("link", "set", interface, "addrgenmode", "none")
        namespace.ip("link", "set", interface, "up")

    def add_node(self, devid: int, lnn: int, address: str) -> Node:
        """A node with one NIC, ext-1, for which the server has reserved the address."""
        namespace = self.add_namespace(f"n{devid}")
        folder = self.directory / f"node{devid}"
        folder.mkdir()
        node = Node(namespace, devid, lnn, folder, self.ifs)
        self.nodes.append(node)
        self.add_nic(node, "ext-1", address)
        return node

    def add_nic(self, node: Node, interface: str, address: str) -> None:
        mac = mac_of(address)
        self.plug(node.namespace, interface, mac)
        node.macs[interface] = mac
        node.write_settings()
        self.reserve(node, address, interface)

    def reserve(self, node: Node, address: str, interface: str = "ext-1") -> None:
        """Reserve another address for a node; its client learns of it when it next asks."""
        mac = node.macs[interface]
        if self._answers_arp:
            self._answer_arp(address, mac)
        self.server.reserve(mac, address)

    def _answer_arp(self, address: str, mac: str) -> None:
        """Let the fabric, and nobody else, say who has the address.

        The entry is in the fabric's namespace and not in the server's, because dnsmasq puts entries of its
        own (SIOCSARP, before each answer) over permanent ones, and those die unconfirmed within seconds.
        """
        for neighbour in json.loads(self.fabric.ip("-json", "neigh", "show", "dev", "br0")):
            if neighbour.get("lladdr") == mac:
                self.fabric.ip("neigh", "delete", neighbour["dst"], "dev", "br0")
        self.fabric.ip("neigh", "replace", address, "lladdr", mac, "dev", "br0", "nud", "permanent")

    def logs(self) -> str:
        """The end of every log of the cloud, for a person who looks for what went wrong."""
        files = sorted(self.directory.glob("*/*.log")) + [node.service_log for node in self.nodes]
        return "\n".join(
            f"==> {file.relative_to(self.directory)} <==\n" + "\n".join(file.read_text().splitlines()[-60:])
            for file in files
            if file.exists()
        )


def port_of(mac: str) -> str:
    """The fabric's end of a NIC's cable; names of interfaces have 15 characters at most."""
    return "p" + mac.replace(":", "")
