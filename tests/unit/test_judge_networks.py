"""The table of networks: what it answers, that it loses nothing when packed, and that it knows nobody's addresses."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.judge.lists.networks import NetworkKind
from seenby.judge.lists.spans import SpansError, less, pack, spans_of, unpack
from seenby.judge.networks import generated, network_of

rows = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 60), st.integers(0, 2)).map(lambda r: (r[0], r[0] + r[1], r[2])),
    max_size=12,
)
OWNERS = [("cloud", "a"), ("hosting", "b"), ("yahoo", "c")]


@given(rows, rows)
def test_a_packed_table_reads_back_as_it_was(v4, v6):
    table = spans_of(v4, v6, owners=OWNERS, note="made up")
    assert unpack(pack(table)) == table


@given(rows)
def test_an_address_has_the_owner_of_a_row_that_holds_it(v4):
    table = spans_of(v4, [], owners=OWNERS, note="")
    for number in range(462):
        holding = {OWNERS[owner] for first, last, owner in v4 if first <= number <= last}
        found = table.find(number, version=4)
        assert (found in holding) if holding else found is None


@given(rows, rows)
def test_less_takes_away_what_is_taken_and_nothing_else(given_rows, others):
    taken = list(spans_of(others, [], owners=OWNERS, note="").rows(version=4))
    left = less(given_rows, taken)
    for number in range(462):
        gone = any(first <= number <= last for first, last, _ in taken)
        before = sorted(owner for first, last, owner in given_rows if first <= number <= last)
        after = sorted(owner for first, last, owner in left if first <= number <= last)
        assert after == ([] if gone else before)


@pytest.mark.parametrize("data", [b"", b"no table", pack(generated())[:2000], pack(generated())[:40] + b"\0" * 400])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(SpansError):
        unpack(data)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        pytest.param("104.28.29.0", NetworkKind.APPLE_RELAY, id="egress of Apple's relay"),
        pytest.param("67.231.149.8", NetworkKind.MAIL_SECURITY, id="Proofpoint"),
        pytest.param("40.94.29.99", NetworkKind.MAIL_SECURITY, id="Microsoft's scans inside Microsoft's space"),
        pytest.param("209.222.82.10", NetworkKind.MAIL_SECURITY, id="Barracuda's, though Amazon announces it"),
        pytest.param("165.225.80.9", NetworkKind.WEB_PROXY, id="Zscaler"),
        pytest.param("20.52.3.3", NetworkKind.MICROSOFT, id="Azure"),
        pytest.param("3.120.9.10", NetworkKind.CLOUD, id="Amazon"),
        pytest.param("34.77.1.1", NetworkKind.CLOUD, id="Google Cloud"),
        pytest.param("66.249.84.3", NetworkKind.GOOGLE, id="Gmail's proxy"),
        pytest.param("5.9.1.1", NetworkKind.HOSTING, id="Hetzner"),
        pytest.param("2a01:4f8:c17:b0f::2", NetworkKind.HOSTING, id="Hetzner over IPv6"),
        pytest.param("93.192.4.9", NetworkKind.UNLISTED, id="a line at home"),
        pytest.param("127.0.0.1", NetworkKind.SILENT, id="this machine"),
        pytest.param("fe80::1", NetworkKind.SILENT, id="link-local"),
        pytest.param("::ffff:10.0.0.1", NetworkKind.SILENT, id="private, inside IPv6"),
    ],
)
def test_an_address_has_its_network(address, kind):
    assert network_of(address).kind is kind


def test_only_a_part_of_the_relays_blocks_is_the_relay():
    dice = random.Random(7)
    kinds = [network_of(f"140.248.{dice.randrange(256)}.{dice.randrange(256)}").kind for _ in range(2000)]
    assert 0.02 < kinds.count(NetworkKind.APPLE_RELAY) / len(kinds) < 0.5


@given(st.ip_addresses())
def test_an_address_that_names_nobody_in_public_says_nothing(address):
    inner = getattr(address, "ipv4_mapped", None) or address
    if inner.is_private or inner.is_multicast or inner.is_loopback or inner.is_link_local or inner.is_unspecified:
        assert network_of(str(address)).kind is NetworkKind.SILENT


def test_the_table_names_its_sources_and_the_day():
    assert "CC BY 4.0" in generated().note
    assert len(generated()) > 20_000
    assert network_of("17.1.2.3").owner == "Apple"
