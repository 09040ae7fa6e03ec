"""Laws of applying: it converges, from wherever it was killed; no address is ever missed for a moment; and
what is not ours is as it was."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from hypothesis import assume, given
from hypothesis import strategies as st
from model_kernel import KernelSaysNo, ModelKernel, applied, written, written_ahead

from isi_net.model.applying import plan
from isi_net.model.network import (
    Assignment,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    StaticRoute,
    Subnet,
)
from isi_net.model.nics import Applied
from isi_net.model.steps import Promote, Route
from isi_net.model.wanted import Wanted, wanted

NODE = Node(7, 3, "GLaDOS-3")
NICS = {"ext-1": "ens5", "ext-2": "ens6"}

subnet_numbers = st.sampled_from((0, 1))
hosts = st.integers(2, 6)
ifaces = st.sampled_from(tuple(NICS))
gateways = st.none() | st.sampled_from((1, 9))


@st.composite
def subnets(draw: st.DrawFn, number: int) -> Subnet:
    """A subnet 10.<number>.0.0 with a static pool, in which some of this node's interfaces are, and one that
    is managed from outside.  Now and then the one is dynamic, or both have a VLAN."""
    base = int(IPv4Address(f"10.{number}.0.0"))
    given_ = draw(st.dictionaries(ifaces, hosts, max_size=2))
    leased = draw(st.dictionaries(ifaces, hosts.map(lambda host: host + 10), max_size=2))
    manager = draw(st.sampled_from(("AWS", "GCP", "DHCP")))
    gateway = draw(gateways)
    routes = draw(st.lists(st.sampled_from((1, 9)), max_size=2, unique=True))
    static_routes = tuple(
        StaticRoute(IPv4Address("172.16.0.0"), 16, IPv4Address(base + host)) for host in routes
    )
    dynamic = draw(st.sampled_from((False, False, True)))
    made = {Iface(NODE.lnn, name): IPv4Address(base + host) for name, host in given_.items()}
    return Subnet(
        number + 1,
        f"subnet{number}",
        "ipv4",
        draw(st.sampled_from((24, 25))),
        base_addr=IPv4Address(base),
        gateway=IPv4Address(base + gateway) if gateway else None,
        gateway_priority=draw(st.sampled_from((1, 2, 5))),
        mtu=draw(st.sampled_from((1500, 9000, 9001))),
        vlan_enabled=draw(st.sampled_from((False, False, True))),
        vlan_id=7,
        pools=(
            Pool(
                1,
                "pool0",
                "dynamic" if dynamic else "static",
                manual_ranges=(Range(IPv4Address(base + 2), IPv4Address(base + 6)),),
                manual_ifaces=tuple(made),
                addresses=tuple(
                    GivenAddress(iface, address)
                    for iface, address in made.items()
                    if list(made.values()).count(address) == 1 and not dynamic
                ),
                static_routes=static_routes,
            ),
            Pool(
                2,
                "pool1",
                "externally_managed",
                manager,
                assignments=tuple(
                    Assignment(IPv4Address(base + host), NODE.devid, name, None)
                    for name, host in leased.items()
                    if list(leased.values()).count(host) == 1
                ),
            ),
        ),
    )


@st.composite
def configurations(draw: st.DrawFn, revision: int) -> Wanted:
    both = tuple(draw(subnets(number)) for number in (0, 1))
    configuration = Configuration(
        revision,
        nodes=(NODE,),
        groupnets=(Groupnet(1, "groupnet0", subnets=both),),
        settings=ClusterSettings(sbr=draw(st.booleans())),
    )
    return wanted(configuration, NODE, NICS)


@st.composite
def machines(draw: st.DrawFn) -> ModelKernel:
    """A machine on which others have put addresses and routes."""
    kernel = ModelKernel.with_nics(
        *NICS.values(), up=draw(st.booleans()), promotes=draw(st.booleans()), marks=draw(st.booleans())
    )
    for number, host, nic, prefixlen in draw(
        st.lists(
            st.tuples(
                subnet_numbers,
                st.integers(2, 20),
                st.sampled_from(("ens5", "ens6")),
                st.sampled_from((24, 32)),
            ),
            max_size=3,
        )
    ):
        address = IPv4Interface(f"10.{number}.0.{host}/{prefixlen}")
        if all(one.address.ip != address.ip for one in kernel.addresses):
            kernel.add_address(nic, address)
            if draw(st.booleans()):
                route = Route(
                    IPv4Network("0.0.0.0/0"), IPv4Address(f"10.{number}.0.1"), nic, draw(st.integers(0, 2))
                )
                try:
                    kernel.add_route(route)
                except KernelSaysNo:
                    continue
    return kernel


@dataclass(frozen=True)
class Story:
    """A machine that has what one revision gives it, or something, when another revision comes."""

    kernel: ModelKernel
    before: Applied
    wanted: Wanted


@st.composite
def stories(draw: st.DrawFn) -> Story:
    kernel = draw(machines())
    before = applied(kernel, draw(configurations(4))) if draw(st.booleans()) else Applied()
    return Story(kernel, before, draw(configurations(5)))


@given(stories())
def test_the_steps_lead_where_nothing_is_left_to_do(story: Story) -> None:
    kernel = story.kernel.copy()
    after = applied(kernel, story.wanted, story.before)
    assert plan(story.wanted, kernel.present(), after).steps == ()
    there = {(one.nic, one.address.ip) for one in kernel.addresses}
    elsewhere = {one.address.ip: one.nic for one in story.kernel.addresses if not one.marked}
    for one in story.wanted.addresses:
        assert (one.nic, one.address.ip) in there or elsewhere.get(one.address.ip, one.nic) != one.nic


@given(stories())
def test_what_was_there_and_stays_is_there_at_every_moment(story: Story) -> None:
    """And a NIC that has an address before and after is never without one."""
    kernel = story.kernel.copy()
    moments = [{one[:2] for one in kernel.addresses}]
    for step in plan(story.wanted, kernel.present(), story.before).steps:
        kernel.take(step)
        moments.append({one[:2] for one in kernel.addresses})
    staying = moments[0] & moments[-1]
    serving = {nic for nic, _ in moments[0]} & {nic for nic, _ in moments[-1]}
    for moment in moments:
        assert staying <= moment
        assert serving <= {nic for nic, _ in moment}


@given(stories())
def test_what_the_configuration_may_still_give_this_node_is_never_taken_away(story: Story) -> None:
    """Whether its pool is put on interfaces or not."""
    kernel = story.kernel.copy()
    before = {one.address.ip for one in kernel.addresses if story.wanted.spares(one.address.ip)}
    for step in plan(story.wanted, kernel.present(), story.before).steps:
        kernel.take(step)
        assert before <= {one.address.ip for one in kernel.addresses}


@given(stories())
def test_what_others_made_is_as_it_was(story: Story) -> None:
    assume(story.kernel.marks)
    kernel = story.kernel.copy()
    before = kernel.foreign()
    applied(kernel, story.wanted, story.before)
    assert kernel.foreign() == before


@given(stories())
def test_what_others_made_is_as_it_was_where_the_kernel_keeps_no_marks(story: Story) -> None:
    """There only what is written down tells, and it is enough."""
    kernel = story.kernel.copy()
    kernel.marks = False
    kernel.addresses = [one._replace(marked=False) for one in kernel.addresses]
    ours = {one[:2] for one in story.before.addresses}
    others = {one[:2] for one in kernel.addresses} - ours
    routes = kernel.foreign()[1]
    applied(kernel, story.wanted, story.before)
    assert others <= {one[:2] for one in kernel.addresses}
    assert kernel.foreign()[1] == routes


@given(stories())
def test_killed_after_any_step_the_next_start_goes_on_to_the_same_end(story: Story) -> None:
    whole = story.kernel.copy()
    applied(whole, story.wanted, story.before)
    made = plan(story.wanted, story.kernel.present(), story.before)
    ahead = story.before if story.kernel.marks else written_ahead(story.wanted, story.before, made)
    for done in range(len(made.steps) + 1):
        kernel = story.kernel.copy()
        for step in made.steps[:done]:
            kernel.take(step)
        after = applied(kernel, story.wanted, ahead)
        assert plan(story.wanted, kernel.present(), after).steps == ()
        assert {one[:3] for one in kernel.addresses} == {one[:3] for one in whole.addresses}
        assert set(kernel.routes) == set(whole.routes)
        assert kernel.rules == whole.rules


@given(stories())
def test_the_order_of_what_is_there_changes_nothing(story: Story) -> None:
    present = story.kernel.present()
    turned = type(present)(
        dict(reversed(present.links.items())),
        present.addresses[::-1],
        present.routes[::-1],
        present.rules,
        present.marks,
    )
    one, other = (plan(story.wanted, some, story.before) for some in (present, turned))
    assert set(one.steps) == set(other.steps)
    assert set(one.findings) == set(other.findings)


@given(stories(), st.integers(0, 4))
def test_an_older_revision_and_none_change_nothing(story: Story, revision: int) -> None:
    kernel = story.kernel.copy()
    after = written(story.wanted, story.before, applied_keys(kernel, story))
    older = Wanted(revision, (), {}, frozenset(), frozenset(NICS.values()))
    assert plan(older, kernel.present(), after).steps == ()


def applied_keys(kernel: ModelKernel, story: Story) -> frozenset[tuple[str, IPv4Interface]]:
    after = applied(kernel, story.wanted, story.before)
    return frozenset((one.nic, one.address) for one in after.addresses)


@given(stories())
def test_secondaries_are_promoted_only_where_they_would_go(story: Story) -> None:
    made = plan(story.wanted, story.kernel.present(), story.before)
    for step in made.steps:
        if isinstance(step, Promote):
            assert not story.kernel.links[step.nic].promotes
