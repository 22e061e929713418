"""Whole messages, one folder each in tests/mail: what changes, and that nothing else does.

The copies are read back with the stdlib's parser, which Seenby itself never uses on them.
"""

import email
import email.policy
import json
import re
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from seenby.instrument import Copy, analyse, stamp, untouched_copy
from seenby.words.policy import FULL, OFF, Level, Policy
from seenby.words.token import Keyring, Kind, encode_id, parse_token

KEYS = Keyring(keys={7: b"k" * 32}, current=7)
TRACKING = "https://t.example.com"
MESSAGE, RECIPIENT = encode_id(b"m" * 12), encode_id(b"r" * 8)
CASES = sorted(path.parent for path in (Path(__file__).parent.parent / "mail").glob("*/expect.json"))
PRIVATE = re.compile(rb"(?im)^(?:(?:resent-)?bcc|x-seenby[\w-]*):.*\r?\n(?:[ \t].*\r?\n)*")


def copy_of(raw: bytes, policy: Policy = FULL, prepend: bytes = b"") -> Copy:
    return stamp(
        analyse(raw, tracking_url=TRACKING),
        message=MESSAGE,
        recipient=RECIPIENT,
        policy=policy,
        keys=KEYS,
        tracking_url=TRACKING,
        prepend=prepend,
    )


def leaves(raw: bytes) -> list[bytes]:
    """The decoded content of every part."""
    parsed: Message = email.message_from_bytes(raw, policy=email.policy.compat32)
    payloads = [part.get_payload(decode=True) for part in parsed.walk() if not part.is_multipart()]
    return [payload for payload in payloads if isinstance(payload, bytes)]


def undone(content: bytes, copy: Copy, expected: dict[str, Any], charset: str) -> bytes:
    """`content` of a copy with every URL replaced by what stood there, and the pixel gone."""
    for link, told in zip(copy.links, expected["links"], strict=True):
        content = re.sub(rb"(?:\r\n)?(?=href=[\"']?" + re.escape(link.url.encode()) + rb")", b"", content)
        written = told["written"].replace("\n", "\r\n").encode(charset)
        content = content.replace(link.url.encode(), written)
    if copy.pixel:
        source = re.escape(copy.pixel.encode())
        content = re.sub(rb'<img[ \r\n]+src="' + source + rb'" width="1" height="1" alt=""(?:\r\n)?>', b"", content)
    return content


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def read(case: Path) -> tuple[bytes, dict[str, Any]]:
    return (case / "in.eml").read_bytes(), json.loads((case / "expect.json").read_text("utf-8"))


def test_a_message_gets_the_links_and_the_pixel_it_should(case: Path) -> None:
    raw, expected = read(case)
    analysis = analyse(raw, tracking_url=TRACKING)
    copy = copy_of(raw)
    assert [link.target for link in analysis.links] == [told["target"] for told in expected["links"]]
    assert analysis.untouched == expected["untouched"]
    assert (copy.pixel is not None) == expected["pixel"]
    assert sorted(note.reason for note in analysis.notes) == expected["notes"]
    for link in copy.links:
        token = parse_token(link.url.removeprefix(f"{TRACKING}/c/"), KEYS, kind=Kind.LINK)
        assert token is not None
        assert (token.target, token.link, token.recipient) == (link.target, link.number, RECIPIENT)


def test_nothing_but_links_and_one_pixel_changes(case: Path) -> None:
    raw, expected = read(case)
    copy = copy_of(raw)
    charset = "latin-1" if case.name == "latin-1" else "utf-8"
    before, after = leaves(PRIVATE.sub(b"", raw)), leaves(copy.message)
    if case.name == "line-feeds-only":
        assert b"\r" not in copy.message
    if case.name == "opt-out":
        before = [content.replace(b' data-no-track=""', b"").replace(b" data-no-track", b"") for content in before]
    assert len(before) == len(after)
    assert sum(content.count(f'"{copy.pixel}"'.encode()) for content in after) == expected["pixel"]
    assert [undone(content, copy, expected, charset) for content in after] == before


def test_headers_stay_as_they_are_but_for_what_is_private(case: Path) -> None:
    raw, _expected = read(case)
    blank = b"\n\n" if case.name == "line-feeds-only" else b"\r\n\r\n"
    head = PRIVATE.sub(b"", raw[: raw.index(blank) + len(blank)])
    assert copy_of(raw).message.startswith(head)
    assert b"secret@" not in copy_of(raw).message
    assert copy_of(raw, prepend=b"X-Top: 1\r\n").message == b"X-Top: 1\r\n" + copy_of(raw).message


def test_policy_off_is_the_untouched_copy_and_that_is_the_message_itself(case: Path) -> None:
    raw, _expected = read(case)
    assert copy_of(raw, OFF).message == untouched_copy(raw) == untouched_copy(analyse(raw, tracking_url=TRACKING))
    if case.name not in ("private-fields", "garbage-in-headers"):
        assert untouched_copy(raw) == raw


def test_each_channel_can_be_off_alone(case: Path) -> None:
    raw, expected = read(case)
    pixel_only = copy_of(raw, Policy(links=Level.OFF))
    links_only = copy_of(raw, Policy(pixels=Level.OFF, links=Level.COUNTED))
    assert (pixel_only.pixel is not None, pixel_only.links) == (expected["pixel"], ())
    assert (links_only.pixel, len(links_only.links)) == (None, len(expected["links"]))
    for link in links_only.links:
        token = parse_token(link.url.removeprefix(f"{TRACKING}/c/"), KEYS, kind=Kind.LINK)
        assert token is not None
        assert token.recipient is None


def test_lines_stay_legal(case: Path) -> None:
    raw, _expected = read(case)
    message = copy_of(raw).message
    assert max(map(len, message.split(b"\n"))) <= 999
    head, _, body = message.partition(b"\r\n\r\n")
    if b"quoted-printable" in head or b"base64" in head:
        assert max(len(line.rstrip(b"\r")) for line in body.split(b"\n")) <= 76


def test_the_same_input_gives_the_same_bytes(case: Path) -> None:
    raw, _expected = read(case)
    assert copy_of(raw) == copy_of(raw)
