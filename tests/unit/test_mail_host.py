"""Who takes mail for a domain: asked of a real name server on the loopback, whatever it answers, beside sending."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby import flow
from seenby.delivery import mail_host
from seenby.delivery.mail_host import MailHosts, domain_of, may_be_asked, short_name
from seenby.folder import open_folder
from seenby.settings import load_settings
from seenby.steps.house import House
from seenby.store import Store
from seenby.wiring import make_house as wired
from seenby.words.limits import MX_AT_ONCE, MX_KNOWN, MX_UNKNOWN, MX_WAITING
from seenby.worker import Worker
from tests.house import ALICE, MAIL, Clock, add_sender, make_house, rows, submitted
from tests.names import SILENCE, Names, names
from tests.unit.test_report_reading import Feed

pytestmark = pytest.mark.anyio
MANY = [f"{n} mx{n}.many.com." for n in range(3, 2000)]


async def asked(said: Names, *domains: str) -> dict[str, str]:
    return dict(await MailHosts(resolver=said.resolver).look_up(domains))


@pytest.mark.parametrize(
    ("answer", "host"),
    [
        pytest.param(["10 mx1.mail.mimecast.com."], "mimecast.com", id="one"),
        pytest.param(["20 mx.backup.net.", "5 a.pphosted.com."], "pphosted.com", id="the best preference"),
        pytest.param(["5 b.second.com.", "5 a.first.com."], "first.com", id="equal ones by their names"),
        pytest.param(["10 MX.Barracudanetworks.COM."], "barracudanetworks.com", id="small letters"),
        pytest.param(["10 mx.mail.firm.co.uk."], "firm.co.uk", id="a registry of two labels"),
        pytest.param(["0 ."], "", id="a null MX (RFC 7505)"),
        pytest.param([], "asked.com", id="no MX: the domain itself (RFC 5321 5.1)"),
        pytest.param(None, "", id="no such domain"),
        pytest.param(["10 " + ".".join(["x" * 60] * 4) + "."], f"{'x' * 60}.{'x' * 60}", id="long labels"),
        pytest.param([r"10 mx\000\010.evil.com."], "", id="control characters"),
        pytest.param([r"10 mx\.<script>.evil.com."], "", id="markup"),
        pytest.param(["10 192.0.2.1."], "", id="an address for a name"),
        pytest.param(["10 localhost."], "", id="a single label"),
        pytest.param(b"\x00\x01nonsense", "", id="no DNS message"),
        pytest.param(b"\x81\x80\x00\x01\x27\x10\x00\x00\x00\x00" + b"\xc0\x0c" * 200, "", id="pointers in a circle"),
    ],
)
async def test_an_answer_comes_to_a_short_name_or_to_none(answer: Any, host: str) -> None:
    with names({"asked.com": answer}) as said:
        resolver = said.resolver()
        resolver.timeout = 0.3  # of each try; the whole has its two seconds
        assert await MailHosts(resolver=lambda: resolver).look_up(["asked.com"]) == {"asked.com": host}


async def test_of_two_thousand_servers_the_first_choice_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_host, "MX_SECONDS", 60)  # what it takes here is the fake's time, too
    with names({"asked.com": [*MANY, "1 mx.best.com."]}) as said:
        assert await asked(said, "asked.com") == {"asked.com": "best.com"}
        assert said.asked == ["asked.com", "asked.com"], "over UDP, and then over TCP"


async def test_a_server_that_never_answers_costs_its_time_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_host, "MX_SECONDS", 0.3)
    domains = [f"d{n}.com" for n in range(20)]
    with names(dict.fromkeys(domains, SILENCE)) as said:
        async with asyncio.timeout(30):
            assert await asked(said, *domains) == dict.fromkeys(domains, "")
        assert set(said.asked) <= set(domains)


async def test_names_in_other_letters_are_asked_for_as_the_dns_writes_them() -> None:
    with names({"xn--bcher-kva.de": ["1 mx.hornetsecurity.com."], "xn--mnchen-3ya.de": []}) as said:
        found = await asked(said, "bücher.de", "münchen.de", "ü\u0000.de", "-\u200b.com", "a" * 80 + ".com", "a..com")
    assert found["bücher.de"] == "hornetsecurity.com"
    assert found["münchen.de"] == "xn--mnchen-3ya.de"
    assert set(list(found.values())[2:]) == {""}


async def test_a_machine_without_a_name_server_knows_nothing() -> None:
    def none() -> Any:
        raise dns.resolver.NoResolverConfiguration

    assert await MailHosts(resolver=none).look_up(["a.com"]) == {"a.com": ""}


@pytest.mark.parametrize(
    "domain",
    [
        "example.com", "mail.example.org", "acme.test", "x.invalid", "localhost", "printer.local", "a.localhost",
        "example", "com", "", ".com", "a..com", "[192.0.2.1]", "192.0.2.1", "[IPv6:2001:db8::1]", "x.onion",
        "router.home.arpa", "a" * 250 + ".com",
    ],
)  # fmt: skip
def test_what_can_be_nobodys_in_public_is_never_asked_for(domain: str) -> None:
    assert not may_be_asked(domain)
    waiting = MailHosts()
    waiting.note(recipient="r", address=f"rita@{domain}")
    assert waiting.take() == []


@pytest.mark.parametrize("domain", ["gmail.com", "bücher.de", "a.b.c.co.uk", "exampled.com", "myexample.com"])
def test_other_domains_are(domain: str) -> None:
    assert may_be_asked(domain)


@given(st.text(max_size=300))
def test_any_text_has_a_short_name_that_is_plain(text: str) -> None:
    short = short_name(text)
    assert len(short) <= 253
    assert short.isascii()
    assert not set(short) & set(" \r\n\t<>@\"'\\\x00")
    may_be_asked(domain_of(text))


def test_one_query_a_domain_and_so_many_domains_at_a_time() -> None:
    waiting = MailHosts()
    for n in range(3 * MX_AT_ONCE):
        waiting.note(recipient=f"r{n}", address=f"rita@d{n % (MX_AT_ONCE + 1)}.com")
    first, second = waiting.take(), waiting.take()
    assert len({one.domain for one in first}) == MX_AT_ONCE
    assert {one.domain for one in second} == {f"d{MX_AT_ONCE}.com"}
    assert len(first) + len(second) == 3 * MX_AT_ONCE
    assert waiting.take() == []


def test_what_waits_is_bounded() -> None:
    waiting = MailHosts()
    for n in range(MX_WAITING + 5):
        waiting.note(recipient=f"r{n}", address="rita@one.com")
    assert len(waiting.take()) == MX_WAITING


# ---------------------------------------------------------------- beside sending


@pytest.fixture
def clock() -> Clock:
    return Clock()


def house_of(store: Store, clock: Callable[[], Any], said: Names | None) -> House:
    return replace(make_house(store, clock=clock), mail_hosts=MailHosts(resolver=said.resolver) if said else None)


async def sent(house: House, *to: str) -> str:
    message = await submitted(house, await add_sender(house), to=to)
    await flow.send(house, hop="")
    return message


async def hosts(house: House, message: str) -> dict[str, str]:
    return {row["address"]: row["mail_host"] for row in await rows(house.store, "recipients_of", message=message)}


async def test_the_mail_host_is_written_to_the_copy_and_kept_for_the_next(store: Store, clock: Clock) -> None:
    with names({"firm.com": ["1 x.mimecast.com."], "own.org": []}) as said:
        house = house_of(store, clock, said)
        message = await sent(house, "rita@firm.com", "rob@firm.com", "ann@own.org", "t@acme.test", "n@nowhere.com")
        assert set((await hosts(house, message)).values()) == {""}, "sending has not waited"
        assert await flow.look_up(house) == 4
        assert await hosts(house, message) == {
            "rita@firm.com": "mimecast.com",
            "rob@firm.com": "mimecast.com",
            "ann@own.org": "own.org",
            "t@acme.test": "",
            "n@nowhere.com": "",
        }
        assert sorted(said.asked) == ["firm.com", "nowhere.com", "own.org"]
        assert await flow.look_up(house) == 0


async def again(house: House, address: str) -> list[str]:
    assert house.mail_hosts is not None
    house.mail_hosts.note(recipient="r", address=address)
    await flow.look_up(house)
    return [row["host"] for row in await rows(house.store, "mail_hosts_of", domains='["firm.com", "gone.com"]',
                                              known_since=0, unknown_since=0)]  # fmt: skip


async def test_a_known_host_is_believed_for_a_week_and_an_unknown_one_for_an_hour(store: Store, clock: Clock) -> None:
    with names({"firm.com": ["1 x.mimecast.com."]}) as said:
        house = house_of(store, clock, said)
        for wait, queries in ((0, 1), (MX_KNOWN - 1, 1), (1, 2)):
            clock.forward(timedelta(seconds=wait))
            await again(house, "rita@firm.com")
            assert said.asked.count("firm.com") == queries
        for wait, queries in ((0, 1), (MX_UNKNOWN - 1, 1), (1, 2)):
            clock.forward(timedelta(seconds=wait))
            await again(house, "rita@gone.com")
            assert said.asked.count("gone.com") == queries
        clock.forward(timedelta(seconds=MX_KNOWN + 1))
        await flow.sweep(house)
        assert await rows(store, "mail_hosts_of", domains='["firm.com"]', known_since=0, unknown_since=0) == []


async def test_with_the_setting_off_nothing_is_asked(store: Store, clock: Clock) -> None:
    house = house_of(store, clock, None)
    message = await sent(house, "rita@firm.com")
    assert await flow.look_up(house) == 0
    assert await hosts(house, message) == {"rita@firm.com": ""}


@pytest.mark.parametrize(("setting", "is_asked"), [("true", True), ("false", False)])
def test_the_setting_decides(setting: str, is_asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("SEENBY_LOOK_UP_MX", setting)
    house = wired(load_settings(data=tmp_path), folder=open_folder(tmp_path), store=None)  # type: ignore[arg-type]
    assert (house.mail_hosts is not None) is is_asked


async def test_mail_to_oneself_and_to_colleagues_asks_nothing(store: Store, clock: Clock) -> None:
    with names({}) as said:
        house = house_of(store, clock, said)
        sender = await add_sender(house, "alice@firm.com")
        await submitted(house, sender, MAIL.replace(ALICE.encode(), b"alice@firm.com"), to=["alice@firm.com"])
        await flow.send(house, hop="")
        assert await flow.look_up(house) == 0
    assert said.asked == []


async def test_a_mute_name_server_delays_no_mail_and_no_address_is_logged(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: Any, capfd: Any
) -> None:
    monkeypatch.setattr(mail_host, "MX_SECONDS", 0.2)
    caplog.set_level(logging.DEBUG)
    with names({"firm.com": SILENCE}) as said:
        house = house_of(store, clock, said)
        message = await sent(house, "rita@firm.com")
        [copy] = await rows(store, "recipients_of", message=message)
        assert (copy["state"], said.asked) == ("sent", [])
        await flow.look_up(house)
        assert await hosts(house, message) == {"rita@firm.com": ""}
    told = caplog.text + "".join(capfd.readouterr())
    assert "rita" not in told
    assert "firm.com" not in told
    assert ALICE not in told


async def test_the_worker_asks_by_itself_and_sends_meanwhile(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_host, "MX_SECONDS", 0.5)
    stop = asyncio.Event()
    with names({"firm.com": ["1 x.mimecast.com."], "mute.com": SILENCE}) as said:
        house = house_of(store, clock, said)
        message = await submitted(house, await add_sender(house), to=["rita@firm.com", "rob@mute.com"])
        working = asyncio.create_task(Worker(house, Feed([])).run(stop))
        async with asyncio.timeout(30):
            while (await hosts(house, message))["rita@firm.com"] != "mimecast.com":  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        copies = await rows(store, "recipients_of", message=message)
        assert {copy["state"] for copy in copies} == {"sent"}
        assert (await hosts(house, message))["rob@mute.com"] == ""
        stop.set()
        async with asyncio.timeout(30):
            await working
