"""`/var/run/isi_net/flexnet`: what was put on this node's interfaces."""

from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import devids, findings, interfaces, ipv4s, seconds, texts

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats.applied import MAX_SENTENCE, parse, render
from isi_net.model.finding import Finding
from isi_net.model.nics import Applied, AppliedAddress

GOLDEN = b"""\
{
  "schema": 1,
  "revision": 12,
  "when": "2021-02-07T16:26:20Z",
  "addresses": [
    {
      "nic": "ens5",
      "address": "10.20.30.11",
      "prefixlen": 24,
      "revision": 12,
      "since": "2021-02-07T16:26:20Z",
      "lnn": 3
    }
  ],
  "duplicates": [
    {
      "address": "10.20.30.50",
      "mac": "02:00:0a:14:1e:0b"
    }
  ],
  "findings": [
    {
      "severity": "error",
      "code": "address_duplicate",
      "place": "NIC ens5",
      "message": "in use",
      "action": "look"
    }
  ]
}
"""
THEN = 1_612_715_180
ADDRESS = AppliedAddress("ens5", IPv4Interface("10.20.30.11/24"), 12, THEN, 3)
FINDING = Finding("NIC ens5", "address_duplicate", "error", "in use", "look")
APPLIED = Applied(12, THEN, (ADDRESS,), ((IPv4Interface("10.20.30.50").ip, "02:00:0a:14:1e:0b"),), (FINDING,))


def test_the_file_looks_as_promised_and_is_read_back() -> None:
    assert render(APPLIED) == GOLDEN
    assert parse(GOLDEN) == APPLIED


def test_a_newer_schema_is_named() -> None:
    """And what to do, which is not only an upgrade: the file does not outlive a reboot anyhow."""
    with pytest.raises(NewerSchema, match="schema 2") as refused:
        parse(GOLDEN.replace(b'"schema": 1', b'"schema": 2'), "/r/var/run/isi_net/flexnet")
    assert "or remove /r/var/run/isi_net/flexnet" in refused.value.todo


def test_an_address_of_an_earlier_program_has_no_lnn() -> None:
    earlier = GOLDEN.replace(b',\n      "lnn": 3', b"")
    assert earlier != GOLDEN
    assert parse(earlier).addresses == (ADDRESS._replace(lnn=0),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"ens5"', b'"../x"'),
        (b"24", b"33"),
        (b"10.20.30.11", b"10.20.30.256"),
        (b'"revision": 12,\n  "w', b'"w'),
    ],
)
def test_what_can_not_be_is_refused(old: bytes, new: bytes) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError):
        parse(GOLDEN.replace(old, new), "flexnet")


addresses = st.builds(
    AppliedAddress,
    interfaces,
    st.tuples(ipv4s, st.integers(0, 32)).map(IPv4Interface),
    devids,
    seconds,
    devids,
)


@given(
    st.builds(
        Applied,
        devids,
        seconds,
        st.lists(addresses, max_size=4).map(lambda some: tuple(sorted(some))),
        st.lists(st.tuples(ipv4s, texts(17)), max_size=3).map(lambda some: tuple(sorted(some))),
        st.lists(findings(), max_size=3).map(tuple),
    )
)
def test_whatever_is_written_is_read_back(applied: Applied) -> None:
    assert parse(render(applied)) == applied


def test_a_long_message_is_cut() -> None:
    long = Applied(findings=(Finding("NIC ens5", "step_failed", "error", "x" * 5000),))
    assert len(parse(render(long)).findings[0].message) == MAX_SENTENCE
