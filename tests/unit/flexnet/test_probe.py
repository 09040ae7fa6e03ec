"""What a frame tells of who uses an address; anybody on the link may have made it."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isi_net.flexnet.probe import user_told

OURS, OTHER, NOBODY = (IPv4Address(one) for one in ("10.20.30.11", "10.20.30.12", "0.0.0.0"))
MAC = "02:00:0a:14:1e:0b"
REQUEST, REPLY = 1, 2


def frame(
    operation: int, sender: IPv4Address, target: IPv4Address, hardware: int = 1, kind: int = 0x800
) -> bytes:
    """An ARP packet from MAC (RFC 826)."""
    mac = bytes.fromhex(MAC.replace(":", ""))
    arp = (
        struct.pack("!HHBBH", hardware, kind, 6, 4, operation)
        + mac
        + sender.packed
        + bytes(6)
        + target.packed
    )
    return b"\xff" * 6 + mac + b"\x08\x06" + arp


@pytest.mark.parametrize(
    ("packet", "user"),
    [
        (frame(REPLY, OURS, NOBODY), MAC),
        (frame(REQUEST, OURS, OTHER), MAC),
        (frame(REQUEST, OURS, OURS), MAC),
        (frame(REQUEST, NOBODY, OURS), MAC),
        (frame(REQUEST, OTHER, OURS), ""),
        (frame(REPLY, OTHER, OURS), ""),
        (frame(REQUEST, NOBODY, OTHER), ""),
        (frame(REPLY, NOBODY, OURS), ""),
        (frame(REPLY, OURS, NOBODY, hardware=6), ""),
        (frame(REPLY, OURS, NOBODY, kind=0x86DD), ""),
        (frame(REPLY, OURS, NOBODY)[:-1], ""),
        (frame(REPLY, OURS, NOBODY) + bytes(18), MAC),
    ],
    ids=[
        "an answer",
        "a question of its holder",
        "an announcement",
        "another's probe",
        "a question for it",
        "an answer of somebody else",
        "a probe for another",
        "an answer of nobody",
        "no Ethernet",
        "no IPv4",
        "cut off",
        "padded",
    ],
)
def test_who_uses_an_address_or_wants_it_is_told_by(packet: bytes, user: str) -> None:
    assert user_told(packet, OURS) == user


@given(
    st.binary(max_size=80) | st.binary(max_size=60).map(lambda more: frame(REPLY, OURS, NOBODY)[:-8] + more)
)
def test_any_bytes_are_read(packet: bytes) -> None:
    assert len(user_told(packet, OURS)) in (0, 17)
