"""What holds for whatever evidence anyone makes us see."""

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seenby.judge import REASONS, Evidence, OwnView, Reader, Seen, SenderDevice, describe, judge, states
from seenby.words.verdict import Label
from tests.unit.judge_evidence import CHROME, FULL, GMAIL, HEADLESS, HOME, SENT_AT, THUNDERBIRD, evidence, seen

AGENTS = st.one_of(
    st.none(),
    st.text(max_size=80),
    st.sampled_from(["", "Mozilla/5.0", CHROME, HEADLESS, THUNDERBIRD, GMAIL, "curl/8", "Slackbot", "Mozilla/5.0 ("]),
)
ADDRESSES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.ip_addresses().map(str),
    st.sampled_from([HOME, "127.0.0.1", "40.94.1.1", "104.28.1.1", "::ffff:67.231.149.8", "fe80::1%eth0"]),
)
HEADERS = st.dictionaries(
    st.sampled_from(["accept", "accept-language", "sec-ch-ua", "sec-fetch-dest", "sec-fetch-mode", "purpose", "x-moz"]),
    st.text(max_size=30),
)
HITS = st.builds(
    Seen,
    id=st.uuids().map(str),
    t=st.floats(),
    channel=st.sampled_from(["open", "click"]),
    reader=st.sampled_from([None, "r1", "r2", "nobody"]),
    link=st.one_of(st.none(), st.integers(), st.sampled_from(["hp", "unsub", "x"])),
    method=st.one_of(st.sampled_from(["GET", "HEAD", "OPTIONS", "POST"]), st.text(max_size=8)),
    address=ADDRESSES,
    agent=AGENTS,
    headers=HEADERS,
    mine=st.booleans(),
)
EVIDENCE = st.builds(
    Evidence,
    sent_at=st.datetimes(),
    hits=st.lists(HITS, max_size=12).map(tuple),
    mode=st.sampled_from(["one_to_one", "campaign"]),
    recipients=st.just((Reader(id="r1", domain="one.example"), Reader(id="r2", domain="two.example"))),
    n_links=st.integers(-1, 5),
    known_addresses=st.frozensets(st.one_of(st.text(max_size=9), st.just(HOME)), max_size=2),
    own_views=st.lists(st.builds(OwnView, at_seconds=st.floats(), surface=st.text(max_size=9)), max_size=2).map(tuple),
    sender_devices=st.lists(
        st.builds(SenderDevice, agent=st.text(max_size=9), address=st.one_of(st.none(), st.just(HOME))), max_size=2
    ).map(tuple),
    replied_after=st.one_of(st.none(), st.floats()),
    bounced=st.booleans(),
)


@settings(deadline=None)
@given(EVIDENCE)
def test_whatever_is_seen_every_hit_has_a_verdict_with_known_reasons(shown: Any) -> None:
    verdicts = judge(shown)
    assert set(verdicts) == {hit.id for hit in shown.hits}
    for hit in shown.hits:
        verdict = verdicts[hit.id]
        assert 0 <= verdict.probability <= 1
        assert verdict.reasons
        assert {reason.code for reason in verdict.reasons} <= REASONS.keys()
        assert describe(verdict, hit)
    states((hit, verdicts[hit.id]) for hit in shown.hits)


@settings(deadline=None)
@given(EVIDENCE, st.randoms(use_true_random=False))
def test_the_order_in_which_hits_are_given_does_not_matter(shown: Any, chance: Any) -> None:
    if len({hit.t for hit in shown.hits}) < len(shown.hits):
        return  # at one and the same moment there is no order to keep
    mixed = list(shown.hits)
    chance.shuffle(mixed)
    again = judge(Evidence(**{**{name: getattr(shown, name) for name in shown.__slots__}, "hits": tuple(mixed)}))
    assert again == judge(shown)


def burst(count: int, *, agent: str = CHROME, address: str = "67.231.149.8", start: float = 5.0) -> list[Seen]:
    return [
        seen(f"b{n}", start + n * 0.3, "click", agent=agent, address=address, headers={}, link=n + 1)
        for n in range(count)
    ]


@settings(deadline=None)
@given(st.integers(3, 8), st.sampled_from(["67.231.149.8", "18.184.20.9", "20.93.14.6", HOME]))
def test_a_machine_beside_a_person_never_hides_the_person(links: Any, address: Any) -> None:
    opened = seen("open", 900.0, agent=THUNDERBIRD)
    clicked = seen("click", 930.0, "click")
    alone = judge(evidence(opened, clicked, n_links=links))
    beside = judge(evidence(*burst(links, address=address), opened, clicked, n_links=links))
    assert {alone[name].label for name in ("open", "click")} == {Label.HUMAN}
    assert {beside[name].label for name in ("open", "click")} == {Label.HUMAN}
    assert all(beside[f"b{n}"].label is Label.SCANNER for n in range(links))


@pytest.mark.parametrize("gap", [-1.0, -0.6, -0.1, 0.0, 0.1, 0.6, 1.0])
def test_a_scan_in_the_moment_of_a_click_does_not_delete_the_click(gap: Any) -> None:
    opened = seen("open", 900.0, agent=THUNDERBIRD)
    clicked = seen("click", 930.0, "click")
    scan = seen("scan", 930.0 + gap, "click", address="40.94.31.5", headers={"accept": "*/*"})
    verdicts = judge(evidence(opened, clicked, scan))
    assert verdicts["click"].label is Label.HUMAN
    assert verdicts["scan"].label is Label.SCANNER
    assert "scanned_at_click" in {reason.code for reason in verdicts["click"].reasons}


def many(count: int) -> tuple[Seen, ...]:
    agents = [CHROME, THUNDERBIRD, GMAIL, "curl/8", CHROME.replace("150", "151")]
    return tuple(
        seen(
            f"h{n}",
            n * 0.05,
            "click" if n % 3 else "open",
            agent=agents[n % 5],
            address=f"84.112.{n % 3}.{n % 7}" if n % 2 else "18.184.20.9",
            headers=FULL if n % 4 else {},
            link=(n % 9) + 1 if n % 3 else None,
            reader=f"r{n % 20}",
        )
        for n in range(count)
    )


def calls_of_judging(count: int) -> int:
    shown = evidence(*many(count), recipients=tuple(Reader(id=f"r{n}", domain=f"d{n % 4}.example") for n in range(20)))
    judge(shown)  # fills what is remembered between calls
    calls: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _arg: calls.update([event]))
    try:
        judge(shown)
    finally:
        sys.setprofile(None)
    return sum(calls.values())


def test_judging_grows_with_the_hits_and_not_with_their_square() -> None:
    small, large = calls_of_judging(500), calls_of_judging(4000)
    assert large < small * 8 * 1.6


def test_a_message_of_ten_thousand_hits_is_judged() -> None:
    assert len(judge(Evidence(sent_at=SENT_AT, hits=many(10_000), n_links=9))) == 10_000
