"""Single rules, and the promises that other parts rely on."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seenby.judge import REASONS, OwnView, Reader, Seen, describe
from seenby.judge.agents import agent_of
from seenby.judge.finding import Finding
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import BLOCKS, NetworkKind
from seenby.judge.networks import network_of, same_line
from seenby.judge.weights import BURST, CLICK_AFTER, OPEN_AFTER, at
from seenby.words.verdict import Label
from tests.unit.judge_evidence import CHROME, GMAIL, HEADLESS, HOME, IMAGE, LOOPBACK, THUNDERBIRD, seen, verdict

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("t", [2.0, 3.0, 8.0, 20.0, 300.0])
@pytest.mark.parametrize("agent", [CHROME, THUNDERBIRD])
@pytest.mark.parametrize("known", [frozenset(), frozenset({LOOPBACK})])
def test_an_open_on_ones_own_machine_is_a_person_even_seconds_after_sending(t: Any, agent: Any, known: Any) -> None:
    headers = IMAGE if agent == CHROME else {"accept": "image/*"}
    said = verdict(seen(t=t, agent=agent, address=LOOPBACK, headers=headers), known_addresses=known)
    assert said.label is Label.HUMAN
    assert said.probability >= 0.8


@pytest.mark.parametrize("t", [2.5, 3.0, 5.0, 20.0])
def test_a_click_right_after_the_same_browser_opened_is_a_person(t: Any) -> None:
    opened = seen("open", t - 0.5, address=LOOPBACK)
    assert verdict(seen("click", t, "click", address=LOOPBACK), opened).label is Label.HUMAN


def test_a_scripted_browser_is_a_scanner_even_with_every_header() -> None:
    assert verdict(seen(agent=HEADLESS)).label is Label.SCANNER


@pytest.mark.parametrize("t", [0.3, 1.0, 3.0, 60.0])
def test_a_scripted_browser_on_ones_own_machine_is_somebody_trying_it_out(t: float) -> None:
    opened = seen("open", t, agent=HEADLESS, address=LOOPBACK, headers=IMAGE)
    assert verdict(opened).label is Label.HUMAN
    assert verdict(seen("click", t + 1, "click", agent=HEADLESS, address=LOOPBACK), opened).label is Label.HUMAN


def test_a_click_faster_than_any_hand_is_a_scanner() -> None:
    assert verdict(seen(t=0.4, channel="click")).label is Label.SCANNER


def test_what_policy_did_not_keep_accuses_nobody() -> None:
    said = verdict(seen(agent=None, address=None, headers={}))
    assert said.label is not Label.SCANNER
    assert verdict(seen(t=900.0, channel="click", agent=None, address=None, headers={})).label is Label.HUMAN


def test_the_senders_word_is_enough() -> None:
    assert verdict(seen(mine=True)).label is Label.SELF


def test_an_announced_view_is_claimed_once() -> None:
    view = (OwnView(at_seconds=600.0, surface="gmail"),)
    near, far = (
        seen("near", 601.0, agent=GMAIL, address="66.249.93.12", headers={}),
        seen("far", 605.0, agent=GMAIL, address="66.249.93.14", headers={}),
    )
    assert verdict(near, far, own_views=view).label is Label.SELF
    assert verdict(far, near, own_views=view).label is Label.PROXY_HUMAN


def test_a_colleague_on_the_office_line_is_left_unknown() -> None:
    colleague = (Reader(id="r1", domain="alma.example", address="bob@alma.example"),)
    said = verdict(seen(), recipients=colleague, sender_domain="alma.example", known_addresses=frozenset({HOME}))
    assert said.label is Label.UNKNOWN


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        pytest.param("127.0.0.1", NetworkKind.SILENT, id="loopback"),
        pytest.param("192.168.7.7", NetworkKind.SILENT, id="private"),
        pytest.param("not an address", NetworkKind.SILENT, id="nonsense"),
        pytest.param(None, NetworkKind.SILENT, id="not kept"),
        pytest.param("84.112.9.41", NetworkKind.UNLISTED, id="a home"),
        pytest.param("40.94.29.99", NetworkKind.MAIL_SECURITY, id="Microsoft's mail protection inside Microsoft"),
        pytest.param("40.113.2.2", NetworkKind.MICROSOFT, id="the rest of Microsoft"),
        pytest.param("::ffff:67.231.148.4", NetworkKind.MAIL_SECURITY, id="IPv4 inside IPv6"),
        pytest.param("2a02:26f7:c4c0::9", NetworkKind.APPLE_RELAY, id="the relay over IPv6"),
        pytest.param("165.225.80.9", NetworkKind.WEB_PROXY, id="a web proxy"),
        pytest.param("66.249.84.3", NetworkKind.GOOGLE, id="Gmail"),
    ],
)
def test_the_longest_block_names_a_network(address: Any, kind: Any) -> None:
    assert network_of(address).kind is kind


def test_every_block_names_its_source() -> None:
    assert all(block.source and block.owner and block.prefixes.split() for block in BLOCKS)


def test_one_line_is_one_address_or_one_ipv6_subnet() -> None:
    assert same_line("84.112.9.41", "84.112.9.41")
    assert same_line("2a00:1:2:3::1", "2a00:1:2:3:ffff::9")
    assert not same_line("84.112.9.41", "84.112.9.42")
    assert not same_line("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        pytest.param("Mozilla/5.0 (compatible; Googlebot/2.1; +http://g/)", AgentKind.SCANNER, id="signs as a robot"),
        pytest.param("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", AgentKind.TRUNCATED, id="cut off"),
        pytest.param("Outlook-iOS/711.1.prod.iphone", AgentKind.MAIL_CLIENT, id="Outlook on iOS is no bot"),
        pytest.param("Dalvik/2.1.0 (Linux; U; Android 14)", AgentKind.APP, id="a system library"),
        pytest.param("Go-http-client/2.0", AgentKind.SCRIPT, id="a library"),
        pytest.param(None, AgentKind.NOT_KEPT, id="not kept"),
        pytest.param("", AgentKind.EMPTY, id="empty"),
    ],
)
def test_an_agent_is_read_mail_first(agent: Any, kind: Any) -> None:
    assert agent_of(agent).kind is kind


@pytest.mark.parametrize("curve", [OPEN_AFTER, CLICK_AFTER, BURST])
def test_weights_rise_with_time_and_never_jump(curve: Any) -> None:
    points = [at(curve, x / 10) for x in range(20_000)]
    assert points == sorted(points)
    assert max(after - before for before, after in pairwise(points)) < 0.4


def test_every_reason_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "reasons.md").read_text()
    assert [code for code in REASONS if f"`{code}`" not in page] == []


def test_every_reason_a_rule_can_give_has_its_sentence() -> None:
    source = "".join(file.read_text() for file in (ROOT / "src/seenby/judge/rules").glob("*.py"))
    assert Finding.__name__ in source
    assert [code for code in REASONS if f'"{code}"' not in source] == []


def test_the_timeline_speaks_plainly() -> None:
    def said(hit: Seen, *others: Seen, links: int = 1, **more: Any) -> str:
        return describe(verdict(hit, *others, **more), hit, links=links)

    gmail = seen(agent=GMAIL, address="66.249.93.12", headers={})
    apple = seen(agent="Mozilla/5.0", address="104.28.42.7", headers={})
    scan = seen(t=9.0, channel="click", address="67.231.149.8", headers={})
    assert said(seen(agent=THUNDERBIRD)) == "Opened in Thunderbird"
    assert said(gmail) == "Opened in Gmail, which hides place and device"
    assert said(apple) == "Apple fetched the images in advance; nobody can know whether it was read"
    assert said(scan, links=4) == "A security scanner followed 4 links, 9 s after sending"
    assert said(seen(channel="click", link=2)) == "Clicked link 2 in Chrome on Windows"
    assert said(seen(mine=True)) == "Opened by the sender"
    assert said(seen(channel="click", agent="curl/8.5", headers={})).startswith("A script followed link 1")
