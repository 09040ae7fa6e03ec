"""A lease: what a DHCP server promised one interface, and until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from isi_net.model.finding import Finding

State = Literal["bound", "renewing", "rebinding", "expired"]


class Lease(NamedTuple):
    """One lease of one interface.

    Times are whole seconds since the epoch, UTC; None means never (an infinite lease, RFC 2131
    section 3.3).  `gateway` is the first router, or the default route of option 121 (RFC 3442) when the
    server named no router.  `options` are all options in the file's order, name and text, as the client
    wrote them, strings unquoted; nothing in them has been believed.
    """

    interface: str
    address: IPv4Address
    prefixlen: int | None = None
    gateway: IPv4Address | None = None
    server: IPv4Address | None = None
    dns_servers: tuple[IPv4Address, ...] = ()
    domain_name: str | None = None
    host_name: str | None = None
    mtu: int | None = None
    renew: int | None = None
    rebind: int | None = None
    expire: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    problems: tuple[Finding, ...] = ()

    def expired(self, now: float) -> bool:
        """Whether the lease has run out at `now`."""
        return self.expire is not None and now >= self.expire

    def state(self, now: float) -> State:
        """Where in its life the lease is at `now` (RFC 2131, section 4.4.5: T1 is `renew`, T2 `rebind`)."""
        if self.expired(now):
            return "expired"
        if self.rebind is not None and now >= self.rebind:
            return "rebinding"
        if self.renew is not None and now >= self.renew:
            return "renewing"
        return "bound"


@dataclass(frozen=True, slots=True)
class LeaseFile:
    """What one lease file holds: its complete leases in the file's order, and what could not be read.

    `whole` is False when the file is empty or ends inside a block: a client is writing it just now, or
    its disk was full.
    """

    leases: tuple[Lease, ...]
    problems: tuple[Finding, ...] = ()
    whole: bool = True

    def current(self, names: Iterable[str]) -> Lease | None:
        """The current lease of the interface that goes by any of `names`: its last one, expired or not."""
        wanted = frozenset(names)
        return next((lease for lease in reversed(self.leases) if lease.interface in wanted), None)

    def interfaces(self) -> tuple[str, ...]:
        """The interfaces that have a lease here, in the order of their first."""
        return tuple(dict.fromkeys(lease.interface for lease in self.leases))
