"""The preview: the right part of a message, on an origin that knows nobody, for an hour, images only with leave."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from hashlib import blake2b
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.store import Store, open_store
from seenby.web import make_preview
from seenby.web.capability import LASTS, Leave, Shown, grant, read_leave
from seenby.web.rendering import page_of
from tests.browser.lively import NOW, add_mail, add_people, week
from tests.conftest import empty_store
from tests.unit.test_web_pages import parts_of

SECRET = b"k" * 32
LEAVE = Leave(shown=Shown.CAUGHT, id="AbC-_123")
PIXEL = b"\x89PNG\r\n\x1a\n"


@given(st.text(alphabet="abcXYZ019-_", min_size=1, max_size=16), st.booleans(), st.sampled_from(Shown))
def test_what_was_granted_is_read_back_until_the_hour_is_over(recipient: str, images: bool, shown: Shown) -> None:
    leave = Leave(shown=shown, id=recipient, images=images)
    capability = grant(leave, secret=SECRET, now=NOW)
    assert read_leave(capability, secret=SECRET, now=NOW + LASTS - timedelta(seconds=1)) == leave
    assert read_leave(capability, secret=SECRET, now=NOW + LASTS) is None
    assert read_leave(capability, secret=b"o" * 32, now=NOW) is None


def test_no_single_character_of_a_capability_can_be_changed() -> None:
    capability = grant(LEAVE, secret=SECRET, now=NOW)
    for place, was in enumerate(capability):
        for other in "A.1-é":
            forged = capability[:place] + other + capability[place + 1 :]
            assert other == was or read_leave(forged, secret=SECRET, now=NOW) is None


def test_what_was_granted_in_the_form_before_is_none() -> None:
    text = f"r-1.{int((NOW + LASTS).timestamp())}.1"
    digest = blake2b(text.encode(), key=SECRET, digest_size=16, person=b"seenby.preview").digest()
    capability = f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert read_leave(capability, secret=SECRET, now=NOW) is None


@given(st.text(max_size=300))
def test_strangers_capabilities_are_none(text: str) -> None:
    assert read_leave(text, secret=SECRET, now=NOW) is None


def mail(*, text: str | None = None, html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    if text is not None:
        message.set_content(text)
    if html is not None and text is not None:
        message.add_alternative(html, subtype="html")
    elif html is not None:
        message.set_content(html, subtype="html")
    return message


def test_of_alternatives_the_html_is_shown() -> None:
    page = page_of(mail(text="plain words", html="<p>rich words</p>").as_bytes())
    assert "rich words" in page
    assert "plain words" not in page


def test_an_attachment_is_never_the_body() -> None:
    message = mail(text="plain words", html="<p>rich words</p>")
    message.add_attachment("<p>attached</p>", subtype="html", filename="a.html")
    assert "rich words" in page_of(message.as_bytes())
    first = EmailMessage()
    first.make_mixed()
    first.add_attachment("<p>attached</p>", subtype="html", filename="a.html")
    first.attach(mail(html="<p>rich words</p>"))
    assert "rich words" in page_of(first.as_bytes())


def test_images_that_came_along_are_shown_from_the_message_itself() -> None:
    message = mail(text="x", html='<img src="cid:logo%40blue"><img src=cid:none>')
    message.get_payload()[1].add_related(PIXEL, "image", "png", cid="<logo@blue>")  # type: ignore[index,union-attr]
    page = page_of(message.as_bytes())
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in page
    assert "cid:" not in page


def test_a_script_that_came_along_as_an_image_stays_out() -> None:
    message = mail(text="x", html='<img src="cid:evil">')
    message.get_payload()[1].add_related(b"<b>", "text", "html", cid="<evil>")  # type: ignore[index,union-attr]
    assert 'src="data:,"' in page_of(message.as_bytes())


def test_plain_text_is_shown_as_text_with_its_links() -> None:
    page = page_of(mail(text='See <b>http://track.test/c/abc?a=1&b=2</b>, or "https://x.test/y".').as_bytes())
    assert '<a href="http://track.test/c/abc?a=1&amp;b=2">http://track.test/c/abc?a=1&amp;b=2</a>' in page
    assert '<a href="https://x.test/y">' in page
    assert "&lt;b&gt;" in page


def test_links_open_beside_the_app_and_the_doctype_stays_first() -> None:
    page = page_of(mail(html="<!DOCTYPE html><html><head></head><body>x</body></html>").as_bytes())
    assert page.startswith('<!DOCTYPE html><base target="_blank"><html>')
    assert page_of(mail(html="<p>x").as_bytes()).startswith('<base target="_blank">')


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "no-such-charset", "utf-8\x00", "base64"])
def test_any_charset_gives_a_page(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + "Grüße".encode()
    assert "Gr" in page_of(raw)


@given(st.binary(max_size=2000))
def test_no_message_makes_it_raise(raw: bytes) -> None:
    assert page_of(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + raw)


@pytest.fixture
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(database_url=await empty_store(request, tmp_path), data=tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def previews(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    await add_people(store)
    for one in week():
        await add_mail(store, one)
    transport = httpx2.ASGITransport(app=make_preview(parts_of(store)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://preview.test") as opened:
        yield opened


def path_to(recipient: str, *, images: bool = False) -> str:
    return f"/m/{grant(Leave(shown=Shown.CAUGHT, id=recipient, images=images), secret=b's' * 32, now=NOW)}"


@pytest.mark.anyio
async def test_a_preview_runs_nothing_and_fetches_nothing_until_images_are_asked_for(
    previews: httpx2.AsyncClient,
) -> None:
    answer = await previews.get(path_to("m-offer-0"))
    assert "the offer</a>" in answer.text
    policy = answer.headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "img-src data:;",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors http://app.test;",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    ):
        assert rule in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    shown = await previews.get(path_to("m-offer-0", images=True))
    assert "img-src http: https: data:;" in shown.headers["content-security-policy"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/m/nothing", "/m/a.b.c.d", "/", "/healthz", "/docs", "/openapi.json"])
async def test_nothing_else_is_on_the_previews_origin(previews: httpx2.AsyncClient, path: str) -> None:
    answer = await previews.get(path)
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await previews.get(path_to("m-bounce-0"))).status_code == 404, "never caught"
