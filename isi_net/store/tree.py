"""Where everything lies: the only file that spells a path.

Two prefixes and no more: `root` is the node's own, `ifs` the shared one.  `man 5 isi_net-files` lists
every path with its format.  Paths are plain strings: a command must not pay for importing pathlib.  What is
one path for good is put together once: a merger's turn asks for fifty.
"""

import os
import re
from functools import cached_property, lru_cache

# The names that carry a number of ours, each of its kind.  `flx_config.12.bak` is somebody's copy, and
# `cmd.1234567890123456` a command's: neither is a revision or a term.
REPORT = re.compile(r"node\.([1-9][0-9]{0,17})")
REVISION = re.compile(r"flx_config\.([1-9][0-9]{0,17})\.xml")
TENURE = re.compile(r"([1-9][0-9]{0,17})\.json")
TERM = re.compile(r"([1-9][0-9]{0,17})")
MEMBERS = re.compile(r"groupnet\.[0-9]+\.subnet\.[0-9]+\.pool\.[0-9]+")


@lru_cache(maxsize=1 << 15)  # the same names are listed again and again
def number_in(name: str, kind: re.Pattern[str] = TENURE) -> int | None:
    """The number that a name of this `kind` carries (REVISION: `flx_config.12.xml`), else None."""
    found = kind.fullmatch(name)
    return int(found[1]) if found else None


class Tree:
    """The paths under one node's `root` and the cluster's `ifs`."""

    def __init__(self, root: str = "/", ifs: str = "") -> None:
        """`ifs` is `<root>/ifs` unless given."""
        self.root = os.path.abspath(root)
        self.ifs = os.path.abspath(ifs) if ifs else self._local("ifs")

    def _local(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    # The node's own.

    @cached_property
    def settings(self) -> str:
        return self._local("etc", "isi_net.toml")

    @cached_property
    def leases(self) -> str:
        """The directory of the lease files of our own DHCP clients."""
        return self._local("var", "db", "dhclient")

    def lease(self, interface: str) -> str:
        return f"{self.leases}/{LEASE_PREFIX}{interface}"

    def elsewhere(self, path: str) -> str:
        """A file of another program, which is told where it lies below the root (`dhcp/sources.py`)."""
        return self._local(path)

    def is_volatile(self, path: str) -> bool:
        """Whether a file is of this boot at the oldest (hier(7))."""
        return path.startswith(self._local("run", ""))

    def interface_index(self, nic: str) -> str:
        """Where the kernel tells a NIC's number."""
        return self._local("sys", "class", "net", nic, "ifindex")

    def dmi(self, field: str) -> str:
        """Where the kernel tells a field of DMI: `sys_vendor`."""
        return self._local("sys", "class", "dmi", "id", field)

    @cached_property
    def log(self) -> str:
        return self._local("var", "log", "isi_smartconnect")

    @cached_property
    def run(self) -> str:
        return self._local("var", "run", "isi_net")

    @cached_property
    def daemon_lock(self) -> str:
        return f"{self.run}/daemon.lock"

    @cached_property
    def applied(self) -> str:
        """What Flexnet put on this node's interfaces; of this boot, as they are."""
        return f"{self.run}/flexnet"

    @cached_property
    def services_said(self) -> str:
        """What the daemon says of its services; of this boot."""
        return f"{self.run}/services"

    @cached_property
    def service_wishes(self) -> str:
        """What the administrator wants of this node's services; that is to outlive a reboot."""
        return self._local("var", "db", "isi_net", "services")

    @cached_property
    def joined(self) -> str:
        """A mark that this node has seen something published on the shared file system."""
        return self._local("var", "db", "isi_net", "joined")

    @cached_property
    def service_wishes_lock(self) -> str:
        return f"{self.service_wishes}.lock"

    def client_configuration(self, interface: str) -> str:
        """What our DHCP client of the interface is told, whichever program it is."""
        return f"{self.run}/dhclient-{interface}.conf"

    @cached_property
    def dhcpcd_leases(self) -> str:
        """Where dhcpcd keeps its leases (Linux; the directory is compiled in)."""
        return self._local("var", "lib", "dhcpcd")

    @cached_property
    def dhcpcd_run(self) -> str:
        """What is `/run/dhcpcd` for a dhcpcd of a root of its own."""
        return f"{self.run}/dhcpcd"

    # The cluster's: Flexnet.

    @cached_property
    def flexnet(self) -> str:
        return os.path.join(self.ifs, ".ifsvar", "modules", "flexnet")

    def _flexnet(self, *parts: str) -> str:
        return "/".join((self.flexnet, *parts))

    @cached_property
    def reports(self) -> str:
        return self._flexnet("ip_reports", "DHCP")

    def report(self, devid: int) -> str:
        return f"{self.reports}/node.{devid}"

    @cached_property
    def inventories(self) -> str:
        return self._flexnet("inventory")

    def inventory(self, devid: int) -> str:
        return f"{self.inventories}/node.{devid}"

    @cached_property
    def configuration(self) -> str:
        """The second name of the current configuration; the first is the highest of `revisions`."""
        return self._flexnet("flx_config.xml")

    @cached_property
    def revisions(self) -> str:
        return self._flexnet("revisions")

    def revision(self, number: int) -> str:
        return f"{self.revisions}/flx_config.{number}.xml"

    @cached_property
    def pool_members(self) -> str:
        return self._flexnet("pool_members")

    def members_of(self, groupnet: int, subnet: int, pool: int) -> str:
        return f"{self.pool_members}/groupnet.{groupnet}.subnet.{subnet}.pool.{pool}"

    @cached_property
    def staging(self) -> str:
        return self._flexnet("staging")

    def term_staging(self, term: int) -> str:
        return f"{self.staging}/{term}"

    def command_staging(self, word: str) -> str:
        """The staging directory of one command; `word` is its own and random."""
        return f"{self.staging}/{COMMAND_PREFIX}{word}"

    # The cluster's: whether its directory is sound, while `isi_net ifs check` runs.

    @cached_property
    def check(self) -> str:
        return self._flexnet("ifs_check")

    @cached_property
    def check_hosts(self) -> str:
        """Who is there: `<host's word>.<beat>`."""
        return f"{self.check}/hosts"

    @cached_property
    def check_said(self) -> str:
        """What hosts tell each other: `<check's word>.<step>.<host's word>`."""
        return f"{self.check}/said"

    @cached_property
    def check_trial(self) -> str:
        """What is locked, linked and renamed to see how that goes: `<check's word>.<name>`."""
        return f"{self.check}/trial"

    # The cluster's: the merger's role.

    @cached_property
    def workers(self) -> str:
        return os.path.join(self.ifs, ".ifsvar", "modules", "smartconnect", "resource", "workers")

    @cached_property
    def merger_lock(self) -> str:
        return f"{self.workers}/ip_merger"

    @cached_property
    def tenures(self) -> str:
        return f"{self.workers}/tenures"

    @cached_property
    def step_down(self) -> str:
        """A request that the holder of a term give the role to another; it holds the term's number."""
        return f"{self.workers}/step_down"

    def tenure(self, term: int) -> str:
        return f"{self.tenures}/{term}.json"


LEASE_PREFIX = "dhclient.leases."
COMMAND_PREFIX = "cmd."
