"""A lease's life, and which lease of a file is an interface's."""

from ipaddress import IPv4Address

import pytest

from isi_net.model.lease import Lease, LeaseFile

ADDRESS = IPv4Address("10.0.0.5")


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (99.9, "bound"),
        (100, "renewing"),
        (199.9, "renewing"),
        (200, "rebinding"),
        (299.9, "rebinding"),
        (300, "expired"),
    ],
)
def test_a_lease_goes_through_its_states(now: float, state: str) -> None:
    lease = Lease("ext-1", ADDRESS, renew=100, rebind=200, expire=300)
    assert (lease.state(now), lease.expired(now)) == (state, state == "expired")


def test_a_lease_for_ever_is_bound_for_ever() -> None:
    assert Lease("ext-1", ADDRESS).state(10**12) == "bound"


def test_an_expired_lease_is_expired_whatever_its_other_times_say() -> None:
    assert Lease("ext-1", ADDRESS, renew=900, rebind=900, expire=300).state(300) == "expired"


def test_the_current_lease_is_the_last_one_of_the_interface() -> None:
    first, second = Lease("ens5", ADDRESS), Lease("ens5", ADDRESS, expire=1)
    other = Lease("ens6", ADDRESS)
    file = LeaseFile((first, second, other))
    assert file.current(["ext-1", "ens5"]) is second
    assert file.current(["ens6"]) is other
    assert file.current(["ext-1"]) is None
    assert LeaseFile(()).current(["ens5"]) is None


def test_the_interfaces_of_a_file_come_once_in_its_order() -> None:
    leases = tuple(Lease(name, ADDRESS) for name in ("b", "a", "b"))
    assert LeaseFile(leases).interfaces() == ("b", "a")
