"""What is said of a tracking address and of senders' domains, by what the DNS, certificates and trackers answer."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from seenby.delivery.dkim import DkimKey
from seenby.delivery.dkim_record import DnsError, record
from seenby.delivery.domain_check import State, check_sender_domain
from seenby.delivery.tracking_check import Answered, check_tracking
from seenby.tracker.door import Door
from seenby.tracker.trust import Trust
from seenby.words.token import Keyring, Kind, parse_token

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEYS, OTHERS = Keyring({1: b"k" * 32}, 1), Keyring({1: b"x" * 32}, 1)
KEY = DkimKey(domain="news.blue.net", selector="seenby", key=ed25519.Ed25519PrivateKey.generate())


class FakeDns:
    """A DNS of made-up records; a name that is None does not answer."""

    def __init__(self, **records: Any) -> None:
        self.records: Mapping[str, Any] = records

    async def _of(self, kind: str, name: str) -> Sequence[str]:
        found: Sequence[str] | None = self.records.get(kind, {}).get(name, [])
        if found is None:
            raise DnsError(f"The DNS did not answer for {name} (LifetimeTimeout).")
        return found

    async def texts(self, name: str) -> Sequence[str]:
        return await self._of("txt", name)

    async def addresses(self, host: str) -> Sequence[str]:
        return await self._of("a", host)

    async def alias(self, host: str) -> str:
        return next(iter(await self._of("cname", host)), "")


GOOD_TXT = {
    "seenby._domainkey.news.blue.net": [record(KEY)],
    "news.blue.net": ["v=spf1 include:spf.blue.net -all", "other=1"],
    "_dmarc.blue.net": ["v=DMARC1; p=reject"],
}


@pytest.mark.parametrize(
    ("changed", "states"),
    [
        pytest.param({}, ["good", "good", "good"], id="all there, DMARC at the organisation's domain"),
        pytest.param({"seenby._domainkey.news.blue.net": []}, ["wrong", "good", "good"], id="no DKIM record"),
        pytest.param({"news.blue.net": []}, ["good", "wrong", "good"], id="no SPF"),
        pytest.param({"news.blue.net": ["v=spf1 a", "v=spf1 mx"]}, ["good", "wrong", "good"], id="two SPF"),
        pytest.param({"news.blue.net": ["v=spf1 +all"]}, ["good", "wrong", "good"], id="anybody may send"),
        pytest.param({"_dmarc.blue.net": []}, ["good", "good", "wrong"], id="no DMARC"),
        pytest.param({"_dmarc.news.blue.net": ["v=DMARC1; p=none"]}, ["good", "good", "note"], id="DMARC asks nothing"),
        pytest.param({"_dmarc.news.blue.net": ["v=DMARC1;"]}, ["good", "good", "wrong"], id="DMARC without p"),
        pytest.param(
            {"news.blue.net": None, "_dmarc.news.blue.net": None}, ["good", "unknown", "unknown"], id="no answer"
        ),
        pytest.param({"_dmarc.news.blue.net": ["v=DMARC1; =; p", "\x00"]}, ["good", "good", "wrong"], id="rubbish"),
    ],
)
async def test_a_senders_domain_is_told_what_is_missing(changed: Any, states: list[str]) -> None:
    found = await check_sender_domain("news.blue.net", keys=[KEY], dns=FakeDns(txt={**GOOD_TXT, **changed}))
    assert [one.state.value for one in found] == states
    assert all(one.cure for one in found if one.state is not State.GOOD)


async def test_what_is_missing_can_be_copied() -> None:
    found = await check_sender_domain("news.blue.net", keys=[KEY], dns=FakeDns())
    assert found[0].record == record(KEY)
    assert (found[2].name, found[2].record[:9]) == ("_dmarc.news.blue.net", "v=DMARC1;")


async def test_names_for_trying_things_out_are_asked_nobody() -> None:
    asked = FakeDns(txt={"blue.test": None})
    assert [one.state for one in await check_sender_domain("blue.test", keys=[], dns=asked)] == [State.UNKNOWN]


def tracker(keys: Keyring) -> Any:
    """A tracker's own answers, by its own door."""
    door = Door(Trust(keys), lambda: True)

    async def fetch(url: str) -> Answered:
        answer, _hit = door.answer("GET", url.partition("://")[2].partition("/")[2].encode().join([b"/", b""]))
        location = answer.head.partition(b"Location: ")[2].partition(b"\r\n")[0].decode()
        return Answered(status=int(answer.status), location=location)

    return fetch


async def ends_in(days: int) -> datetime:
    await asyncio.sleep(0)
    return NOW + timedelta(days=days)


async def look(url: str, *, a: Sequence[str] | None = ("9.9.9.9",), fetch: Any = None, days: int = 60) -> list[str]:
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]

    async def certificate(_host: str, _port: int) -> datetime:
        if days == 0:
            raise ssl.SSLCertVerificationError("self-signed")
        return await ends_in(days)

    found = await check_tracking(
        url,
        keys=KEYS,
        dns=FakeDns(a={host: a}),
        now=NOW,
        chance=b"c" * 12,
        fetch=fetch or tracker(KEYS),
        certificate=certificate,
    )
    assert all(one.cure for one in found if one.state is not State.GOOD)
    return [one.state.value for one in found]


async def nobody(url: str) -> Answered:
    raise OSError(url)


async def somebody_else(url: str) -> Answered:
    return Answered(status=200)


@pytest.mark.parametrize(
    ("url", "how", "states"),
    [
        pytest.param("https://t.blue.net", {}, ["good", "good", "good"], id="all is well"),
        pytest.param("https://t.blue.net", {"a": ()}, ["wrong", "good", "good"], id="no address"),
        pytest.param("https://t.blue.net", {"a": ("10.0.0.1",)}, ["wrong", "good", "good"], id="a private address"),
        pytest.param("https://t.blue.net", {"a": None}, ["unknown", "good", "good"], id="the DNS is silent"),
        pytest.param("https://t.blue.net", {"days": 5}, ["good", "wrong", "good"], id="ends soon"),
        pytest.param("https://t.blue.net", {"days": 0}, ["good", "wrong", "good"], id="not trusted"),
        pytest.param("https://t.blue.net", {"fetch": nobody}, ["good", "good", "unknown"], id="nobody answers"),
        pytest.param("https://t.blue.net", {"fetch": somebody_else}, ["good", "good", "wrong"], id="another server"),
        pytest.param("https://t.blue.net", {"fetch": tracker(OTHERS)}, ["good", "good", "wrong"], id="another's keys"),
        pytest.param("http://t.blue.net", {}, ["good", "wrong", "good"], id="plain http"),
        pytest.param("http://127.0.0.1:8026", {}, ["wrong", "good"], id="this machine alone"),
        pytest.param("http://192.168.1.5", {}, ["wrong", "wrong", "good"], id="a private address written out"),
    ],
)
async def test_the_tracking_address_is_looked_at_from_name_to_tracker(url: str, how: Any, states: list[str]) -> None:
    assert await look(url, **how) == states


async def test_asking_the_tracker_leaves_no_hit() -> None:
    asked: list[str] = []

    async def note(url: str) -> Answered:
        asked.append(url)
        return Answered(status=404)

    await look("https://t.blue.net", fetch=note)
    from seenby.tracker.kept import Kept, what_is_kept

    token = parse_token(asked[0].rpartition("/")[2], KEYS, kind=Kind.LINK)
    assert token is not None
    assert what_is_kept(token.level) is Kept.NOTHING
