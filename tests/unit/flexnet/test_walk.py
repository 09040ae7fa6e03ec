"""Walking a plan of which the kernel refuses a step."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from isi_net.errors import Refused
from isi_net.flexnet.apply import walk
from isi_net.flexnet.netlink import NotPermitted
from isi_net.model.steps import (
    AddAddress,
    AddRoute,
    AddRule,
    DeleteAddress,
    DeleteRoute,
    Route,
    Rule,
    SetMtu,
    SetUp,
    Step,
)

OLD, NEW = IPv4Interface("10.20.30.11/24"), IPv4Interface("10.20.30.12/24")
ROUTE = Route(IPv4Network("0.0.0.0/0"), IPv4Address("10.20.30.1"), "ens5", 1)
STEPS: tuple[Step, ...] = (
    SetUp("ens5"),
    SetMtu("ens5", 9000),
    AddAddress("ens5", NEW),
    AddAddress("ens6", OLD),
    AddRoute("ens5", ROUTE),
    DeleteAddress("ens5", OLD),
)


def taken(refused: Step, error: type[Refused] = Refused) -> tuple[list[Step], list[str], bool]:
    """The steps that were taken, the findings, and whether the walk was whole, when one step is refused."""
    done: list[Step] = []

    def take(step: Step) -> None:
        if step == refused:
            raise error("no", str(step), "ask")
        done.append(step)

    walked = walk(take, STEPS)
    assert walked.added == {step[:2] for step in done if isinstance(step, AddAddress)}
    assert walked.done == len(done)
    assert walked.removed == {step[:2] for step in done if isinstance(step, DeleteAddress)}
    return done, [one.code for one in walked.findings], walked.whole


def test_what_follows_on_the_same_nic_is_left_and_other_nics_go_on() -> None:
    assert taken(AddAddress("ens5", NEW)) == (
        [SetUp("ens5"), SetMtu("ens5", 9000), AddAddress("ens6", OLD)],
        ["step_failed"],
        False,
    )


def test_what_does_not_need_a_route_that_is_refused_goes_on_and_what_is_removed_waits() -> None:
    other = Route(IPv4Network("172.16.0.0/16"), IPv4Address("10.20.30.1"), "ens5", 1)
    steps = (AddRoute("ens5", ROUTE), AddRoute("ens5", other), AddRule("ens5", Rule(NEW.ip)))
    removals = (DeleteRoute("ens5", other), DeleteAddress("ens5", OLD))
    done: list[Step] = []

    def take(step: Step) -> None:
        if step == steps[0]:
            raise Refused("no")
        done.append(step)

    walked = walk(take, (*steps, *removals, DeleteAddress("ens6", NEW)))
    assert done == [*steps[1:], DeleteAddress("ens6", NEW)]
    assert [one.code for one in walked.findings] == ["step_failed"]
    assert not walked.whole


def test_a_static_route_that_is_refused_spoils_itself_alone() -> None:
    static = Route(IPv4Network("172.16.0.0/16"), IPv4Address("10.20.30.1"), "ens5", 1)
    steps = (AddRoute("ens5", ROUTE), AddRoute("ens5", static), DeleteAddress("ens5", OLD))
    done: list[Step] = []

    def take(step: Step) -> None:
        if step == steps[1]:
            raise Refused("no")
        done.append(step)

    assert not walk(take, steps).whole
    assert done == [steps[0], steps[2]]


def test_an_address_that_could_not_be_added_elsewhere_is_not_removed_here() -> None:
    done, codes, _ = taken(AddAddress("ens6", OLD))
    assert DeleteAddress("ens5", OLD) not in done
    assert codes == ["step_failed"]


def test_a_nic_that_refuses_its_mtu_gets_its_address_all_the_same() -> None:
    done, codes, whole = taken(SetMtu("ens5", 9000))
    assert done == [step for step in STEPS if not isinstance(step, SetMtu)]
    assert (codes, whole) == (["mtu_refused"], True)


@pytest.mark.parametrize("step", STEPS)
def test_without_the_right_to_it_nothing_more_is_tried(step: Step) -> None:
    done, codes, whole = taken(step, NotPermitted)
    assert done == list(STEPS[: STEPS.index(step)])
    assert (codes, whole) == (["no_permission"], False)
