"""What is said of services comes back as it was; and whatever somebody makes of the files is one error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isi_net.errors import FormatError
from isi_net.formats import services, wanted_services
from isi_net.model.service import STATES, Service, Wish, Wishes, is_service

names = st.sampled_from(["flexnet", "dhclient-ext-1", "dhclient-ens5.100", "dhclient-x:1"])
times = st.none() | st.integers(0, 4_000_000_000).map(float)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=services.MAX_TEXT)
counts = st.integers(0, 2**31)

wishes = st.dictionaries(names, st.builds(Wish, st.none() | st.booleans(), counts)).map(Wishes)
said = st.builds(
    Service,
    name=names,
    enabled=st.booleans(),
    by_hand=st.booleans(),
    state=st.sampled_from(STATES),
    reason=texts,
    pid=st.none() | st.integers(1, 2**31 - 1),
    since=times,
    starts=counts,
    last_exit=texts,
    next_try=times,
)


@given(wishes)
def test_wishes_come_back(wanted: Wishes) -> None:
    assert wanted_services.parse(wanted_services.render(wanted)) == wanted


@given(st.lists(said, unique_by=lambda one: one.name))
def test_services_come_back_by_name(found: list[Service]) -> None:
    by_name = tuple(sorted(found, key=lambda one: one.name))
    assert services.parse(services.render(tuple(found))) == by_name


@given(said, st.text())
def test_a_long_text_is_cut_and_no_text_breaks_the_file(one: Service, text: str) -> None:
    long = Service(one.name, True, True, "waiting", reason=text * 600)
    (read,) = services.parse(services.render((long,)))
    assert len(read.reason) <= services.MAX_TEXT


GOOD = b'{"schema": 1, "services": []}'
spoilt = st.builds(
    lambda at, byte: GOOD[:at] + bytes((byte,)) + GOOD[at + 1 :],
    st.integers(0, len(GOOD) - 1),
    st.integers(0, 255),
)


@given(st.binary() | spoilt)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (wanted_services.parse, services.parse):
        try:
            parse(data, "somewhere")
        except FormatError as error:
            assert "somewhere" in str(error)


@pytest.mark.parametrize("name", ["", "dhclient-", "dhclient--x", "dhclient-../x", "telnetd", "dhclient-a b"])
def test_what_cannot_be_a_service(name: str) -> None:
    assert not is_service(name)
