"""OpenBSD's dhcpleased, by what its source writes."""

import pytest

from isi_net.errors import FormatError
from isi_net.formats import dhcpleased

WRITTEN = b"version: 2\nip: 10.20.30.11\nnext-server: \nfilename: \nhost-name: me\ndomain-name: example.org\n"


def test_the_address_and_the_names_are_read_and_the_end_is_not_known() -> None:
    found = dhcpleased.parse(WRITTEN, "em0")
    [lease] = found.leases
    assert (lease.interface, str(lease.address), lease.expire) == ("em0", "10.20.30.11", None)
    assert (lease.host_name, lease.domain_name) == ("me", "example.org")
    assert [one.code for one in lease.problems] == ["expiry_unknown"]


def test_a_file_name_forges_nothing() -> None:
    data = WRITTEN.replace(b"filename: ", b"filename: x\nip: 6.6.6.6\nhost-name: forged")
    [lease] = dhcpleased.parse(data, "em0").leases
    assert (str(lease.address), lease.host_name) == ("10.20.30.11", None)


@pytest.mark.parametrize("data", [b"", b"version: 2\nip: 10.20.30.1"])
def test_half_a_file_has_no_lease(data: bytes) -> None:
    found = dhcpleased.parse(data, "em0")
    assert (found.leases, found.whole) == ((), False)


def test_another_file_is_refused() -> None:
    with pytest.raises(FormatError):
        dhcpleased.parse(b"lease {\n", "em0")
