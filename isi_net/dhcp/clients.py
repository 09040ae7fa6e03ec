"""The DHCP clients that we can run: how each is found, told what to ask for, and kept off the interface.

Nothing is started here: a Launch says all that starting takes.  Whichever program it is, its configuration
lies at one place for each interface, and stands in its command line: by that a daemon knows what a former
one has left running.

What is asked for is what a cloud gives: options 1 3 6 12 15 26 28 51 54 58 59 119 121 245 (RFC 2132, RFC
3397, RFC 3442, Azure's own 245); and the client is named by its MAC, which is how AWS knows it.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from isi_net.dhcp.processes import SHELL, Process
from isi_net.model.network import AUTO
from isi_net.store.tree import Tree

NONE = "none"  # no client of ours is to run
_ANY = "\0"  # in the place of an interface: no path holds it
# A daemon that cron or an init script started may have none of the administrator's directories.  FreeBSD's
# own dhclient takes none of these options; ISC's is a port.
_PLACES = (
    ("/usr/local/sbin",)
    if sys.platform.startswith("freebsd")
    else (*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/local/sbin", "/usr/sbin", "/sbin")
)
# Nothing of the daemon's environment changes what a client does (dhclient reads its paths from there).
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Launch:
    """All that starting a client takes.

    `command` is run after `directories` were made and `configuration` was written to the path `mark`, which
    stands in the command line of what is started.
    """

    command: tuple[str, ...]
    mark: str
    configuration: bytes
    directories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """A kind of DHCP client: its word in `[dhcp] client`, and as a source of leases.

    `packages` says what to install.  `lease` is where it keeps the lease of an interface and NIC; `launch`
    says how it is started, by the path of its program.
    """

    name: str
    packages: str
    lease: Callable[[Tree, str, str], str]
    launch: Callable[[str, Tree, str, str], Launch]


_TRUE = shutil.which("true", path=os.defpath) or "/usr/bin/true"

# ISC dhclient 4.4 (dhclient.conf(5)).  The first answers of a cloud come at once, so it asks again soon; one
# that hears nothing goes on asking every ten seconds or so.  After a script that fails it would decline the
# lease (DHCPDECLINE), so it is given one that does not.  It asks for 245 only when that is declared.  A pid
# file left behind, whose number another process has by now, would keep it from starting: it gets none.
_DHCLIENT_CONF = b"""\
# Written by isi_net each time it starts this client, which configures nothing.
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
option unknown-245 code 245 = string;
request subnet-mask, routers, domain-name-servers, host-name, domain-name, interface-mtu,
    broadcast-address, dhcp-lease-time, dhcp-server-identifier, dhcp-renewal-time,
    dhcp-rebinding-time, domain-search, rfc3442-classless-static-routes, unknown-245;
send dhcp-client-identifier = hardware;
initial-delay 0;
initial-interval 1;
backoff-cutoff 10;
timeout 60;
retry 5;
reboot 5;
"""


def _dhclient(program: str, tree: Tree, interface: str, nic: str) -> Launch:
    configuration = tree.client_configuration(interface)
    command = (
        *(program, "-4", "-d", "--no-pid", "-cf", configuration, "-lf", tree.lease(interface)),
        *("-sf", _TRUE, nic),
    )
    return Launch(command, configuration, _DHCLIENT_CONF, (tree.leases,))


# dhcpcd 9 and 10 (dhcpcd.conf(5)): `--noconfigure` keeps it off the interface.
_DHCPCD_CONF = f"""\
# Written by isi_net each time it starts this client, which configures nothing.
clientid
script {_TRUE}
noarp
noipv4ll
nodev
timeout 0
reboot 5
define 245 binhex option_245
option subnet_mask
option routers
option domain_name_servers
option host_name
option domain_name
option interface_mtu
option broadcast_address
option dhcp_lease_time
option dhcp_server_identifier
option dhcp_renewal_time
option dhcp_rebinding_time
option domain_search
option classless_static_routes
option option_245
""".encode()
# Its directories are compiled in: for another root than / ours are mounted over them, which nobody else sees
# in these mounts of its own (unshare(1)).  A shell stays before it, whose command line keeps saying whose it
# is: dhcpcd and its helpers write over theirs.
_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private", "--")
_IN_ITS_DIRECTORIES = """\
leases=$1 run=$2; shift 2
if [ "$leases" ]; then
    mkdir -p /run/dhcpcd && mount --bind "$run" /run/dhcpcd || exit
    for kept in /var/lib/dhcpcd /var/db/dhcpcd; do
        [ ! -d "$kept" ] || mount --bind "$leases" "$kept" || exit
    done
fi
"$@"
exit $?
"""


def _dhcpcd_lease(tree: Tree, _interface: str, nic: str) -> str:
    return os.path.join(tree.dhcpcd_leases, f"{nic}.lease")


def _dhcpcd(program: str, tree: Tree, interface: str, nic: str) -> Launch:
    configuration = tree.client_configuration(interface)
    apart = tree.root != "/"
    leases, run = (tree.dhcpcd_leases, tree.dhcpcd_run) if apart else ("", "")
    command = (
        *(*(_OWN_MOUNTS if apart else ()), "/bin/sh", "-c", _IN_ITS_DIRECTORIES, "sh", leases, run),
        *(program, "--config", configuration, "--nobackground", "--ipv4only", "--noconfigure", nic),
    )
    return Launch(command, configuration, _DHCPCD_CONF, (leases, run) if apart else ())


DHCLIENT = Client(
    name="dhclient",
    packages="isc-dhcp-client (Debian, Ubuntu), dhcp-client (RHEL, SUSE) or isc-dhcp44-client (FreeBSD)",
    lease=lambda tree, interface, _: tree.lease(interface),
    launch=_dhclient,
)
DHCPCD = Client(
    name="dhcpcd",
    packages="dhcpcd-base (Debian, Ubuntu) or dhcpcd (RHEL, SUSE, FreeBSD)",
    lease=_dhcpcd_lease,
    launch=_dhcpcd,
)
CLIENTS = (DHCLIENT, DHCPCD)  # in the order of preference
WORDS = (AUTO, *(one.name for one in CLIENTS), NONE)  # what `[dhcp] client` may be


@dataclass(frozen=True, slots=True)
class Installed:
    """A client that this machine has."""

    client: Client
    program: str


def find(word: str, places: tuple[str, ...] = _PLACES) -> Installed | None:
    """The client that `[dhcp] client` means, the first that is there for `auto`; None where none is."""
    path = os.pathsep.join(places)
    for client in meant(word):
        program = shutil.which(client.name, path=path)
        if program is not None:
            return Installed(client, os.path.abspath(program))
    return None


def kind(word: str) -> Client:
    """The kind of client that `[dhcp] client` has this machine run; dhclient where there is none."""
    found = find(word)
    return found.client if found is not None else DHCLIENT


def meant(word: str) -> tuple[Client, ...]:
    """The clients that `[dhcp] client` allows, in the order of trying them."""
    return tuple(one for one in CLIENTS if word in (AUTO, one.name))


def whose(tree: Tree, one: Process) -> str | None:
    """The interface that the process was started for by a daemon of this root; None where it is no such one.

    Its command line names our configuration.  A shell's may do so for any reason: it has to run our script
    as well.
    """
    if one.name == SHELL and _IN_ITS_DIRECTORIES not in one.words:
        return None
    before, _, after = tree.client_configuration(_ANY).partition(_ANY)
    named = (word for word in one.words if word.startswith(before) and word.endswith(after))
    return next((word[len(before) : -len(after)] for word in named), None)
