"""The message on its page: the links that people followed, and files that make no hit."""

import re
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest

from seenby.instrument import analyse, stamp
from seenby.report.timeline import LinkCount
from seenby.store import Store
from seenby.store.times import micros
from seenby.web.kept import Kept, harmless_copy, heat_page, written_page
from seenby.words.policy import FULL, Level
from seenby.words.token import Kind, encode_id, parse_token
from tests.browser.lively import KEYS, NOW
from tests.unit.test_web_preview import mail

URL = "http://127.0.0.1:8026"
MESSAGE, RECIPIENT = encode_id(b"m" * 12), encode_id(b"r" * 8)
ROW: dict[str, Any] = {
    "id": MESSAGE,
    "team": "t",
    "subject": "Offer",
    "from_address": "alice@blue.test",
    "wishes": "",
    "tracking_url": URL,
    "accepted_at": micros(NOW),
    "message_id": "<one@blue.test>",
}
TO: dict[str, Any] = {"id": RECIPIENT, "untracked": None, "pixels": Level.FULL, "links": Level.FULL}


def kept(html: str, text: str | None = None) -> Kept:
    composed = mail(html=html, text=text)
    composed["From"] = "alice@blue.test"
    return Kept(raw=composed.as_bytes(policy=SMTP), row=ROW)


def test_the_links_that_people_followed_are_marked_and_lead_to_their_targets():
    page = '<p><a href="https://a.test/?x=1&amp;y=2">one</a> <a class=b href=https://b.test/>two</a></p>'
    shown = heat_page(kept(page), {0: LinkCount(people=3, machines=9), 1: LinkCount(machines=4)}, keys=KEYS)
    assert 'data-seenby-warmth="4" data-seenby-clicks="3 clicks" href="https://a.test/?x=1&amp;y=2"' in shown
    assert 'data-seenby-warmth="0" data-seenby-clicks="nobody" href="https://b.test/"' in shown
    assert URL not in shown


def test_warmth_is_by_the_link_that_most_followed():
    page = "".join(f'<a href="https://a.test/{n}">{n}</a>' for n in range(4))
    counts = {0: LinkCount(people=100), 1: LinkCount(people=1), 2: LinkCount(people=50)}
    shown = heat_page(kept(page), counts, keys=KEYS)
    assert re.findall(r'warmth="(\d)"', shown) == ["4", "1", "2", "0"]
    assert "100 clicks" in shown
    assert "1 click<" not in shown
    assert '"1 click"' in shown


def test_links_in_plain_text_are_marked_too_and_read_as_they_were_written():
    composed = mail(text="See https://a.test/x now")
    composed["From"] = "alice@blue.test"
    shown = heat_page(Kept(raw=composed.as_bytes(policy=SMTP), row=ROW), {0: LinkCount(people=1)}, keys=KEYS)
    assert URL not in shown
    assert ">https://a.test/x</a>" in shown


def test_a_hostile_target_stays_text():
    page = "<a href='https://a.test/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;'>x</a>"
    assert "<script" not in heat_page(kept(page), {}, keys=KEYS)


def test_what_is_shown_is_what_was_written():
    shown = written_page(kept("<p>Hello <a href='https://a.test/'>there</a></p>"))
    assert "https://a.test/" in shown
    assert URL not in shown


def test_the_file_is_the_copy_to_the_byte_but_for_tokens_that_nobody_believes():
    one = kept("<p>Hello <a href='https://a.test/long/path?with=query'>there</a></p>")
    sent = stamp(
        analyse(one.raw, tracking_url=URL, keys=KEYS),
        message=MESSAGE,
        recipient=RECIPIENT,
        policy=FULL,
        keys=KEYS,
        tracking_url=URL,
    ).message
    file = harmless_copy(one, TO, keys=KEYS, host="h")
    token = re.compile(rb"/([oc])/([A-Za-z0-9_=\r\n-]+)")
    for at_tracker in token.finditer(file):
        text = at_tracker[2].replace(b"=\r\n", b"").replace(b"\r\n", b"").decode()
        kind = Kind.PIXEL if at_tracker[1] == b"o" else Kind.LINK
        assert parse_token(text, KEYS, kind=kind) is None
    assert len(token.findall(file)) == len(token.findall(sent)) > 1
    blank = token.sub(b"", file)
    assert blank.endswith(token.sub(b"", sent))


def test_an_untracked_copy_is_what_was_written():
    one = kept("<p>Hello <a href='https://a.test/'>there</a></p>")
    file = harmless_copy(one, {**TO, "untracked": "team"}, keys=KEYS, host="h")
    assert file.endswith(one.raw)
    assert message_from_bytes(file)["Received"] is not None


pages = pytest.mark.anyio


@pages
async def test_the_page_shows_the_message_and_gives_it_away_as_a_file(alice, team: Store):
    page = (await alice.get("/messages/m-offer")).text
    assert "Show where people clicked" not in page
    assert "Without the clicks" in page
    file = await alice.get("/messages/m-offer/written.eml")
    assert file.headers["content-disposition"].startswith("attachment; ")
    assert file.headers["content-type"] == "message/rfc822"
    assert b"<html" in file.content.lower() or b"<p" in file.content.lower()
    copy = await alice.get("/messages/m-offer/recipients/m-offer-0/copy.eml")
    assert copy.status_code == 200
    assert (await alice.get("/messages/m-offer/recipients/m-bounce-0/copy.eml")).status_code == 404
    assert (await alice.get("/messages/m-none/written.eml")).status_code == 404


@pages
async def test_a_message_is_gone_when_its_time_is_over(alice, team: Store):
    async with team.write() as tx:
        await tx.run("sweep_spool", now=2**62, limit=1000)
    page = (await alice.get("/messages/m-offer")).text
    assert "is not kept any more: it is kept for 30 days" in page
    assert (await alice.get("/messages/m-offer/written.eml")).status_code == 404
