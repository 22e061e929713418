"""The link that nobody sees: in which copies it is, what it carries, and that following it is no click."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from seenby import flow
from seenby.instrument import NO_WISHES, Copy, Wishes, analyse, stamp
from seenby.instrument.wishes import read_wishes, write_wishes
from seenby.journal import Batch
from seenby.report.moments import moments_of
from seenby.report.summary import report_of
from seenby.report.timeline import timeline
from seenby.store import Store
from seenby.wiring import mint
from seenby.words.hit import Hit
from seenby.words.policy import FULL, Level, Policy
from seenby.words.token import HONEYPOT_LINK, Keyring, Kind, Token, encode_id, parse_token
from tests.house import MAIL, RITA, START, Clock, add_sender, make_house, rows, submit, submitted
from tests.world import PERSON

KEYS = Keyring(keys={7: b"k" * 32}, current=7)
TRACKING = "https://t.example.com"
WISHED = Wishes(honeypot=True)
LINK = '<a href="https://example.org/">x</a>'


def copy_of(
    page: str, *, wishes: Wishes = WISHED, policy: Policy = FULL, recipient: str | None = "r" * 10 + "w"
) -> Copy:
    raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()
    return stamp(
        analyse(raw, tracking_url=TRACKING, keys=KEYS, wishes=wishes),
        message=encode_id(b"m" * 12),
        recipient=recipient,
        policy=policy,
        keys=KEYS,
        tracking_url=TRACKING,
    )


def test_it_carries_a_token_of_its_own_that_looks_like_any_links() -> None:
    copy = copy_of(f"<body><p>Hi {LINK}</p></body>")
    assert copy.honeypot is not None
    token = parse_token(copy.honeypot.removeprefix(f"{TRACKING}/c/"), KEYS, kind=Kind.LINK)
    assert token is not None
    assert (token.link, token.target, token.level) == (HONEYPOT_LINK, f"{TRACKING}/", Level.FULL)
    assert token.recipient == "r" * 10 + "w"
    assert [link.number for link in copy.links] == [0]
    page = copy.message.decode()
    assert (
        page.index(copy.links[0].url) < page.index(copy.honeypot) < page.index(copy.pixel or "?") < page.index("</bo")
    )


@pytest.mark.parametrize(
    ("page", "given"),
    [
        pytest.param(f"<p>{LINK}", {"wishes": NO_WISHES}, id="nobody wished for it"),
        pytest.param("<p>Hi", {}, id="it would be the only link"),
        pytest.param(f"</body>{LINK}", {}, id="it would be the first link"),
        pytest.param('<p><a href="https://example.org/">open', {}, id="a link is open still"),
        pytest.param(f"<a href='https://example.org/'>x<math>{LINK}", {}, id="a link may be open still"),
        pytest.param(f"<p>{LINK}", {"recipient": None}, id="nobody's copy"),
        pytest.param(f"<p>{LINK}", {"policy": Policy(links=Level.COUNTED)}, id="links only counted"),
        pytest.param(f"<p>{LINK}", {"policy": Policy(links=Level.OFF)}, id="links off"),
    ],
)
def test_it_is_not_there_where_it_would_do_harm_or_nothing(page: str, given: dict[str, Any]) -> None:
    copy = copy_of(page, **given)
    assert copy.honeypot is None
    assert b"aria-hidden" not in copy.message


def test_it_is_never_in_plain_text_and_does_not_need_the_pixel() -> None:
    raw = b"Content-Type: text/plain\r\n\r\nhttps://example.org/\r\n"
    assert not analyse(raw, tracking_url=TRACKING, wishes=WISHED).honeypot_possible
    copy = copy_of(f"<p>{LINK}", policy=Policy(pixels=Level.OFF))
    assert copy.pixel is None
    assert copy.honeypot is not None
    assert copy.message.endswith(b'tabindex="-1"></a>')


def test_a_long_page_has_its_pixel_on_top_and_this_at_the_end() -> None:
    copy = copy_of(f"<body>{LINK}" + "<p>word</p>\r\n" * 9000 + "</body>")
    page = copy.message.decode()
    assert page.index(copy.pixel or "?") < 200
    assert page.index(copy.honeypot or "?") > 98_000


def test_a_quoted_one_leads_nowhere_and_counts_as_nobodys_link() -> None:
    first = copy_of(f"<p>Hi {LINK}</p>")
    assert first.honeypot is not None
    again = copy_of(first.message.decode().partition("\r\n\r\n")[2], wishes=NO_WISHES)
    assert [link.target for link in again.links] == ["https://example.org/"]
    assert first.honeypot.encode() not in again.message
    assert again.message.count(b'href=""') == 1


def test_who_does_not_wish_for_it_writes_wishes_as_ever() -> None:
    assert '"v":1' in write_wishes(Wishes(noscript=False))
    assert '"v":2' in write_wishes(WISHED)
    assert read_wishes(write_wishes(Wishes(noscript=False)).replace('"v":1', '"v":2')) is None


MANY = [f"reader{number}@out.test" for number in range(20)]
NEWSLETTER = MAIL.replace(b"Subject:", b"List-Unsubscribe: <mailto:x@acme.test>\r\nSubject:")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wished", "raw", "to", "carried"),
    [
        pytest.param(True, MAIL, [RITA], 0, id="mail to one stays as it is"),
        pytest.param(True, MAIL, MANY[:19], 0, id="nineteen are not many"),
        pytest.param(True, MAIL, MANY, 1, id="twenty are"),
        pytest.param(True, MAIL, [*MANY[:19], MANY[0].upper()], 0, id="the same one twice is one"),
        pytest.param(True, NEWSLETTER, [RITA], 1, id="a newsletter to each apart"),
        pytest.param(True, MAIL.replace(b"Subject:", b"Precedence: Bulk\r\nSubject:"), [RITA], 1, id="bulk"),
        pytest.param(True, MAIL.replace(b"Subject:", b"Precedence: first\r\nSubject:"), [RITA], 0, id="not bulk"),
        pytest.param(False, NEWSLETTER, MANY, 0, id="nobody wished for it"),
        pytest.param(False, MAIL.replace(b"Subject:", b"X-Seenby-Honeypot: On\r\nSubject:"), [RITA], 1, id="asked for"),
        pytest.param(
            True, NEWSLETTER.replace(b"Subject:", b"X-Seenby-Honeypot: off\r\nSubject:"), MANY, 0, id="asked not to"
        ),
    ],
)
async def test_only_mail_to_many_gets_it_and_only_if_wished(
    store: Store, wished: bool, raw: bytes, to: list[str], carried: int
) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    if wished:
        async with store.write() as tx:
            await tx.run("set_wishes", id=sender.id, wishes=write_wishes(WISHED))
    message = await submitted(house, sender, raw, to=to)
    [row] = await rows(store, "message", id=message, team=sender.team)
    assert (row["honeypot"], row["link_count"]) == (carried, 1)
    await flow.send(house, hop="")
    people = await rows(store, "recipients_of", message=message)
    sent = [bytes(copy["raw"]) for one in people for copy in await rows(store, "caught_copy", recipient=one["id"])]
    assert {b"aria-hidden" in one for one in sent} == {bool(carried)}
    assert not any(b"X-Seenby" in one for one in sent)


@pytest.mark.anyio
async def test_a_word_that_is_none_is_refused(store: Store) -> None:
    house = make_house(store, clock=Clock())
    raw = MAIL.replace(b"Subject:", b"X-Seenby-Honeypot: maybe\r\nSubject:")
    assert "X-Seenby-Honeypot: on, or off" in str(await submit(house, await add_sender(house), raw))


class Feed:
    """A journal of these hits."""

    def __init__(self, *hits: Hit) -> None:
        self.hits = hits

    async def claim(self, done: object, *, limit: int) -> Batch:
        return Batch(hits=self.hits, done={"feed": 1})

    async def settle(self, done: object) -> tuple[str, ...]:
        return ()


@pytest.mark.anyio
async def test_following_it_speaks_against_its_client_and_is_no_click(store: Store) -> None:
    clock = Clock()
    house = make_house(store, clock=clock)
    sender = await add_sender(house)
    raw = MAIL.replace(b"Subject:", b"X-Seenby-Honeypot: on\r\nSubject:")
    message = await submitted(house, sender, raw)
    await flow.send(house, hop="")
    [person] = await rows(store, "recipients_of", message=message)

    def hit(link: int, after: int) -> Hit:
        token = Token(
            kind=Kind.LINK,
            level=Level.FULL,
            message=message,
            recipient=person["id"],
            link=link,
            target="https://x.test/",
        )
        at = START + timedelta(seconds=after)
        return Hit(id=mint(16), at=at, token=token, method="GET", address="203.0.113.5", agent=PERSON, headers={})

    clock.forward(timedelta(days=1))
    trap = hit(HONEYPOT_LINK, 4001)
    await flow.drain(house, Feed(hit(0, 4000), trap))
    await flow.judge(house, message=message)
    [person] = await rows(store, "recipients_of", message=message)
    assert (person["clicks"], person["opens"], person["machines"]) == (0, 0, 2)
    async with store.read() as tx:
        moments = await moments_of(tx, message)
        told = await report_of(tx, message, view="people")
    assert [one.link for one in moments] == [0, None]
    assert [one.is_honeypot for one in moments] == [False, True]
    assert {reason.code for one in moments if one.opinion for reason in one.opinion.reasons} >= {
        "honeypot",
        "honeypot_client",
    }
    assert told is not None
    assert told["people"]["clicks"] == 0
    mistaken = [replace(one, opinion=None) for one in moments]
    assert timeline(mistaken).people == []
