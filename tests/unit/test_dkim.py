"""Signed copies verify as a recipient's server verifies them, and nothing of them can be changed unseen."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from seenby import flow
from seenby.delivery.dkim import DkimKey, dkim_header, load_dkim_key
from seenby.steps.house import House
from seenby.store import open_store
from seenby.words.errors import KeyFileError
from tests.house import ALICE, MAIL, RITA, Clock, add_sender, make_house, rows, submitted

SECRET = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = DkimKey(domain="acme.test", selector="s1", key=SECRET)
FULL_MAIL = MAIL.replace(
    b"To: ", b"Reply-To: alice@acme.test\r\nCc: rob@out.test\r\nIn-Reply-To: <a@b.test>\r\nTo: ", 1
)


def published(name: bytes, timeout: int = 5) -> bytes | None:
    """The DNS, as far as it matters here."""
    if name.rstrip(b".") != b"s1._domainkey.acme.test":
        return None
    public = SECRET.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def verifies(message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=published))


@pytest.mark.parametrize(
    "raw",
    [
        MAIL,
        FULL_MAIL,
        MAIL.replace(b"Our offer", "Grüße".encode()),
        MAIL.replace(b"Our offer", b"a\r\n  folded   subject"),
        MAIL.replace(b"<p>", b"\r\n\r\n  <p>  x  \r\n\r\n"),
        MAIL + b"\r\n\r\n\r\n",
        b"From: alice@acme.test\r\n\r\n",
        MAIL.replace(b"Message-ID", b"Received: by x; today\r\nReceived: by y; today\r\nMessage-ID"),
    ],
    ids=["plain", "all fields", "UTF-8 fields", "folded", "blank lines", "blank at the end", "no body", "trace"],
)
def test_a_signed_message_verifies(raw: bytes) -> None:
    assert verifies(dkim_header(raw, by=KEY) + raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: Win\r\nSubject: "),
        (b"To: ", b"Reply-To: mallory@out.test\r\nTo: "),
        (b"To: ", b"Cc: mallory@out.test\r\nTo: "),
        (b"To: ", b"From: boss@acme.test\r\nTo: "),
        (b"text/html", b"text/plain"),
        (b"Content-Type: ", b"Content-Type: text/plain\r\nContent-Type: "),
        (b"MIME-Version", b"Content-Transfer-Encoding: base64\r\nMIME-Version"),
        (b"MIME-Version", b"List-Unsubscribe: <https://mallory.test/>\r\nMIME-Version"),
        (b"Date: ", b"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nDate: "),
        (b"</p>\r\n", b"</p>\r\n<p>and more</p>\r\n"),
        (b"https://x.test/", b"https://y.test/"),
    ],
    ids=lambda text: text.decode().strip()[:30] if isinstance(text, bytes) else "",
)
@pytest.mark.parametrize("raw", [MAIL, FULL_MAIL], ids=["few fields", "many fields"])
def test_nothing_can_be_added_or_changed_under_the_signature(raw: bytes, old: bytes, new: bytes) -> None:
    signed = dkim_header(raw, by=KEY) + raw
    head, body = signed[: -len(raw)], signed[-len(raw) :]
    assert verifies(head + body)
    assert not verifies(head + body.replace(old, new, 1))


def test_the_signature_covers_the_whole_body() -> None:
    assert b" l=" not in dkim_header(MAIL, by=KEY)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(database_url="", data=tmp_path)
    yield make_house(store, clock=Clock(), dkim=(KEY,))
    await store.close()


async def caught(house: House, raw: bytes, *, sender: str = ALICE, to: str = RITA) -> bytes:
    message = await submitted(house, await add_sender(house, sender), raw, to=[to])
    await flow.send(house, hop="")
    (person,) = await rows(house.store, "recipients_of", message=message)
    (row,) = await rows(house.store, "caught", recipient=person["id"], team=person["team"])
    return bytes(row["raw"])


@pytest.mark.anyio
async def test_the_copy_in_the_built_in_mailbox_is_signed_as_the_one_that_leaves(house: House) -> None:
    copy = await caught(house, MAIL)
    assert b"/o/" in copy
    assert verifies(copy)


@pytest.mark.anyio
async def test_a_colleagues_untouched_copy_is_signed_as_well(house: House) -> None:
    copy = await caught(house, MAIL, to="bob@acme.test")
    assert b"/o/" not in copy
    assert verifies(copy)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sender", "is_signed"),
    [("a@acme.test", True), ("a@mail.acme.test", True), ("a@notacme.test", False), ("a@acme.test.evil.test", False)],
)
async def test_only_the_domain_and_what_is_below_it_is_signed_for(house: House, sender: str, is_signed: bool) -> None:
    copy = await caught(house, MAIL.replace(ALICE.encode(), sender.encode()), sender=sender)
    assert (b"DKIM-Signature" in copy) is is_signed
    assert verifies(copy) is is_signed


@pytest.mark.anyio
async def test_the_authors_domain_decides_not_the_envelopes(house: House) -> None:
    sender = await add_sender(house, "a@other.test")
    async with house.store.write() as tx:
        await tx.run("add_address", address=ALICE, team=sender.team, sender=sender.id)
    message = await submitted(house, sender, MAIL)
    await flow.send(house, hop="")
    (person,) = await rows(house.store, "recipients_of", message=message)
    (row,) = await rows(house.store, "caught", recipient=person["id"], team=person["team"])
    assert verifies(bytes(row["raw"]))


@pytest.mark.anyio
async def test_a_message_that_cannot_be_signed_leaves_all_the_same(house: House) -> None:
    copy = await caught(house, MAIL.replace(b"Subject:", b"no field at all\r\nSubject:"))
    assert b"DKIM-Signature" not in copy
    assert b"no field at all\r\nSubject: Our offer\r\n" in copy


@pytest.mark.anyio
async def test_without_a_key_nothing_is_signed(house: House) -> None:
    assert b"DKIM-Signature" not in await caught(replace(house, dkim=()), MAIL)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_key_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(pem(SECRET))
    key = load_dkim_key(path=tmp_path / "k.pem", domain="acme.test", selector="s1")
    assert verifies(dkim_header(MAIL, by=key) + MAIL)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), (b"rubbish", "cannot be read"), (pem(ec.generate_private_key(ec.SECP256R1())), "RSA")],
    ids=["no file", "no key", "no RSA key"],
)
def test_a_key_file_that_is_none_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "k.pem").write_bytes(content)
    with pytest.raises(KeyFileError, match=words):
        load_dkim_key(path=tmp_path / "k.pem", domain="acme.test", selector="s1")
