"""What a person types is either understood or refused in one sentence, whatever it is."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isi_net.cli.grammar import commas
from isi_net.errors import BadValue
from isi_net.model import names, spellings

READERS: list[Callable[[str], Any]] = [
    names.parse_groupnet_id,
    names.parse_subnet_id,
    names.parse_pool_id,
    names.check_interface,
    spellings.parse_address,
    spellings.parse_ipv4,
    spellings.parse_range,
    spellings.parse_route,
    spellings.parse_lnns,
    spellings.parse_domain,
    spellings.parse_switch,
    spellings.parse_number(0, 2**31 - 1),
    spellings.parse_text(128, 1),
    commas(spellings.parse_range),
    commas(spellings.parse_route),
]
ALPHABET = "0123456789.:-/,abcgx %\u0663\x1b"
ADDRESSES = st.ip_addresses()


@pytest.mark.parametrize("read", READERS)
@given(text=st.one_of(st.text(), st.text(ALPHABET, max_size=40)))
def test_any_text_is_understood_or_refused(read: Callable[[str], Any], text: str) -> None:
    try:
        read(text)
    except BadValue as error:
        assert len(str(error).splitlines()) <= 1 or "\n" in text


@given(low=ADDRESSES, high=ADDRESSES)
def test_a_range_reads_back_as_it_was_written(low: Any, high: Any) -> None:
    if low.version != high.version or int(low) > int(high):
        with pytest.raises(BadValue):
            spellings.parse_range(f"{low}-{high}")
    else:
        assert str(spellings.parse_range(f"{low}-{high}")) == f"{low}-{high}"


@given(parts=st.lists(st.from_regex(r"[0-9a-zA-Z_-]{1,32}", fullmatch=True), min_size=3, max_size=3))
def test_an_id_may_be_spelled_with_dots_or_colons(parts: list[str]) -> None:
    assert names.parse_pool_id(".".join(parts)) == names.parse_pool_id(":".join(parts)) == tuple(parts)
