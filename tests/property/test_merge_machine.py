"""A cluster's life: nodes come, report, fall silent, move and return, and two holders of the role take turns.

What is published goes through its bytes at every turn, as it does between two real holders.
"""

from collections import Counter
from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from strategies import NOW, unread

from isi_net.formats import flx_config
from isi_net.model.lease import Lease
from isi_net.model.merge import merge, next_change
from isi_net.model.names import GroupnetId, SubnetId
from isi_net.model.network import Assignment, ClusterSettings, Configuration, Groupnet, Pool, Range, Subnet
from isi_net.model.report import Report, UnreadReport

NETWORK = "10.0.0."
MANAGED = SubnetId("groupnet0", "subnet0")
SERVER, ROGUE = IPv4Address("10.0.0.2"), IPv4Address("10.0.0.3")

DEVIDS = st.integers(1, 4)
INTERFACES = st.sampled_from(("ext-1", "ext-2"))
# .1 is the gateway, .2 and .3 are fine, .255 is the broadcast address, .20 is in a range of the static pool.
ADDRESSES = st.sampled_from((2, 3, 4, 5, 6, 7, 1, 255, 20)).map(lambda last: IPv4Address(f"{NETWORK}{last}"))


def _static(name: str, low: str, high: str) -> Pool:
    return Pool(1, name, manual_ranges=(Range(IPv4Address(low), IPv4Address(high)),))


def _with_static_pools() -> Configuration:
    """What people made before the first lease; the ranges reach into the managed subnet's addresses."""
    pools = (
        _static("by_hand", "10.9.0.5", "10.9.0.9"),
        replace(_static("reaching", "10.0.0.20", "10.0.0.29"), number=2),
    )
    other = Subnet(1, "other", "ipv4", 16, base_addr=IPv4Address("10.9.0.0"), pools=pools, next_number=3)
    return Configuration(
        revision=1, groupnets=(Groupnet(1, "groupnet0", subnets=(other,), next_number=2),), next_number=2
    )


class Cluster(RuleBasedStateMachine):
    """`manager` is what all nodes call their external manager."""

    manager = "DHCP"

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.reports: dict[int, Report | UnreadReport] = {}
        self.published = b""
        self.set_aside: Pool | None = None

    @initialize(before=st.sampled_from((Configuration(), _with_static_pools())))
    def begin(self, before: Configuration) -> None:
        self.before = before = replace(before, settings=ClusterSettings(on_premises_dhcp=True))
        self.published = flx_config.render(before)

    def _configuration(self) -> Configuration:
        return flx_config.parse(self.published)

    def _managed(self) -> Pool | None:
        return next((pool for _, pool in self._configuration().pools() if pool.externally_managed), None)

    # What happens to nodes.

    @rule(
        devid=DEVIDS,
        interface=INTERFACES,
        address=ADDRESSES,
        server=st.sampled_from((SERVER, SERVER, SERVER, ROGUE, None)),
        lifetime=st.sampled_from((None, 60, 600, 3600)),
        skew=st.sampled_from((0, 0, 0, 100, 121, 4000, -100, -4000)),
    )
    def is_leased(
        self,
        devid: int,
        interface: str,
        address: IPv4Address,
        server: IPv4Address | None,
        lifetime: int | None,
        skew: int,
    ) -> None:
        """A node comes, returns or moves, and reports it by its own clock."""
        expire = None if lifetime is None else self.now + lifetime
        lease = Lease(
            interface, address, prefixlen=24, gateway=IPv4Address("10.0.0.1"), server=server, expire=expire
        )
        before = self.reports.get(devid)
        others = before.addresses if isinstance(before, Report) else ()
        leases = (*(one for one in others if one.interface != interface), lease)
        self.reports[devid] = Report(
            devid, devid, f"node-{devid}", self.manager, "isc", "1", self.now + skew, leases
        )

    @rule(devid=DEVIDS)
    def reports_again(self, devid: int) -> None:
        report = self.reports.get(devid)
        if isinstance(report, Report):
            self.reports[devid] = report._replace(reported_at=self.now)

    @rule(devid=DEVIDS)
    def loses_an_interface(self, devid: int) -> None:
        report = self.reports.get(devid)
        if isinstance(report, Report):
            self.reports[devid] = report._replace(addresses=report.addresses[1:])

    @rule(devid=DEVIDS)
    def cannot_be_read(self, devid: int) -> None:
        if devid in self.reports:
            self.reports[devid] = unread(devid)

    @rule(devid=DEVIDS)
    def is_retired(self, devid: int) -> None:
        self.reports.pop(devid, None)

    @rule(one=DEVIDS, other=DEVIDS)
    def swap_their_addresses(self, one: int, other: int) -> None:
        first, second = self.reports.get(one), self.reports.get(other)
        if isinstance(first, Report) and isinstance(second, Report) and one != other:
            self.reports[one] = first._replace(addresses=second.addresses)
            self.reports[other] = second._replace(addresses=first.addresses)

    @rule(seconds=st.sampled_from((1, 59, 60, 300, 901, 5000)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    # What people do.

    @precondition(lambda self: self._managed() is not None)
    @rule()
    def somebody_sets_a_vlan_or_takes_it_away(self) -> None:
        configuration = self._configuration()
        subnet = configuration.subnet(MANAGED)
        assert subnet is not None
        changed = replace(subnet, vlan_enabled=not subnet.vlan_enabled, vlan_id=7)
        self.published = flx_config.render(configuration.with_subnet(GroupnetId(MANAGED.groupnet), changed))
        self.set_aside = self._managed() if changed.vlan_enabled else None

    @precondition(lambda self: self._managed() is not None)
    @rule()
    def somebody_trusts_anybody_again(self) -> None:
        configuration = self._configuration()
        subnet = configuration.subnet(MANAGED)
        assert subnet is not None
        changed = replace(subnet, dhcp_servers=())
        self.published = flx_config.render(configuration.with_subnet(GroupnetId(MANAGED.groupnet), changed))

    # What the holders do, each in its turn.

    @rule(backwards=st.booleans())
    def a_holder_takes_a_turn(self, backwards: bool) -> None:
        before = self._configuration()
        reports = sorted(self.reports.values(), key=lambda one: one.devid, reverse=backwards)
        merged = merge(before, reports, self.now)
        data = flx_config.render(merged.configuration)
        flx_config.validate(data)
        self.published = data

        the_other = merge(self._configuration(), reports[::-1], self.now)
        assert flx_config.render(the_other.configuration) == self.published
        last = min(next_change(reports, self.now) - 1, self.now + 10**6)
        assert merge(self._configuration(), reports, last) == the_other

        self._nobody_lost_an_address_without_reason(before, merged.configuration)
        self._whoever_has_a_good_lease_alone_has_its_address(merged.configuration)

    def _nobody_lost_an_address_without_reason(self, before: Configuration, after: Configuration) -> None:
        has = {one.place: one for one in _assignments(after)}
        held = {one.address for one in has.values()}
        for one in _assignments(before):
            if one.place not in has and one.address not in held:
                report = self.reports[one.devid]
                assert self.manager == "DHCP" and isinstance(report, Report)
                assert any(
                    lease.interface == one.interface and lease.expired(self.now) for lease in report.addresses
                )
            if isinstance(self.reports.get(one.devid), UnreadReport):
                assert has[one.place] == one

    def _whoever_has_a_good_lease_alone_has_its_address(self, after: Configuration) -> None:
        subnet = after.subnet(MANAGED)
        if subnet is None or subnet.vlan_enabled:
            return
        good = [one for one in self.reports.values() if isinstance(one, Report)]
        if len(good) < len(self.reports) or any(one.reported_at > self.now + 120 for one in good):
            return
        leased = Counter(lease.address for one in good for lease in one.addresses)
        held = {one.place: one.address for one in _assignments(after)}
        by_hand = [one for _, pool in after.pools() for one in pool.manual_ranges]
        for report in good:
            for lease in report.addresses:
                if (
                    leased[lease.address] == 1
                    and not lease.expired(self.now)
                    and lease.server in subnet.dhcp_servers
                    and str(lease.address) not in ("10.0.0.1", "10.0.0.255")
                    and not any(one.holds(lease.address) for one in by_hand)
                ):
                    assert held[report.devid, lease.interface] == lease.address

    # What always holds.

    @invariant()
    def nothing_is_there_twice(self) -> None:
        configuration = self._configuration()
        some = _assignments(configuration)
        assert len({one.address for one in some}) == len({one.place for one in some}) == len(some)
        for groupnet in configuration.groupnets:
            numbers = [one.number for one in groupnet.subnets]
            assert len(set(numbers)) == len(numbers) and max(numbers) < groupnet.next_number
            for subnet in groupnet.subnets:
                numbers = [one.number for one in subnet.pools]
                assert len(set(numbers)) == len(numbers) and max(numbers) < subnet.next_number

    @invariant()
    def what_people_made_is_as_they_made_it(self) -> None:
        now = dict(self._configuration().pools())
        for pool_id, pool in self.before.pools():
            assert now[pool_id] == pool

    @invariant()
    def a_pool_that_takes_no_part_stays_as_it_was(self) -> None:
        if self.set_aside is not None:
            assert self._managed() == self.set_aside


def _assignments(configuration: Configuration) -> list[Assignment]:
    return [one for _, pool in configuration.pools() for one in pool.assignments]


class OnPremises(Cluster):
    manager = "DHCP"


class InTheCloud(Cluster):
    manager = "AWS"


_LIVES = settings(max_examples=50, stateful_step_count=40, deadline=None)

TestOnPremises = OnPremises.TestCase
TestOnPremises.settings = _LIVES
TestInTheCloud = InTheCloud.TestCase
TestInTheCloud.settings = _LIVES
