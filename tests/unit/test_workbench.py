"""What can be done by hand, as programs use it: `seenby instrument`, `explain` and `judge`."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from seenby.keys import keyring_text, new_keyring, write_secret
from seenby.settings import load_settings
from seenby.wiring import mint
from seenby.words.errors import KeyFileError, PolicyError, SeenbyError
from seenby.words.token import Kind, parse_token
from seenby.workbench import InputError, copy_json, explain_token, instrument_message, judge_cases
from tests.house import ALICE, MAIL, RITA, ROB

TEXT_TOO = (
    b"From: alice@acme.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nLook: https://x.test/a\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p><a href='https://x.test/a'>x</a></p>\r\n--b--\r\n"
)


def copies(raw: bytes = MAIL, **given: Any) -> list[dict[str, Any]]:
    arguments: dict[str, Any] = {
        "recipients": [RITA],
        "sender": "",
        "pixels": "full",
        "links": "full",
        "tracking_url": "https://t.test",
        "key_file": None,
        "mint": mint,
    }
    made = [copy_json(copy) for copy in instrument_message(raw, **arguments | given)]
    assert json.loads(json.dumps(made)) == made
    return made


def message(copy: dict[str, Any]) -> bytes:
    return base64.b64decode(copy["message_base64"], validate=True)


def test_the_shape_that_programs_rely_on() -> None:
    (copy,) = copies(TEXT_TOO)
    assert list(copy) == ["recipient", "message_base64", "pixel", "links", "untouched"]
    assert copy["recipient"] == RITA
    assert copy["untouched"] is None
    assert copy["pixel"].startswith("https://t.test/o/")
    assert [(link["target"], link["part"]) for link in copy["links"]] in (
        [("https://x.test/a", "text"), ("https://x.test/a", "html")],
        [("https://x.test/a", "html")],
    )
    for link in copy["links"]:
        assert set(link) == {"target", "url", "part"}
        assert link["url"].encode() in message(copy)
    assert copy["pixel"].encode() in message(copy).replace(b"=\r\n", b"")


@pytest.mark.parametrize("level", ["counted", "identified", "full"])
def test_tokens_are_everybodys_own_unless_only_counted(level: str, tmp_path: Path) -> None:
    keys, key_file = new_keyring(), tmp_path / "keys.json"
    write_secret(key_file, keyring_text(keys))
    one, two = copies(recipients=[RITA, ROB], pixels=level, links=level, key_file=key_file)
    assert (one["pixel"] == two["pixel"]) is (level == "counted")
    assert (one["links"] == two["links"]) is (level == "counted")
    token = parse_token(one["pixel"].rpartition("/")[2], keys, kind=Kind.PIXEL)
    assert token is not None
    assert token.level.word == level
    assert (token.recipient is None) is (level == "counted")


@pytest.mark.parametrize(
    ("pixels", "links", "pixel", "wrapped"),
    [("off", "full", False, True), ("full", "off", True, False), ("off", "off", False, False)],
)
def test_each_channel_can_be_off(pixels: str, links: str, pixel: bool, wrapped: bool) -> None:
    (copy,) = copies(pixels=pixels, links=links)
    assert (copy["pixel"] is not None, bool(copy["links"])) == (pixel, wrapped)
    assert copy["untouched"] == ("off" if not pixel and not wrapped else None)
    if copy["untouched"]:
        assert message(copy) == MAIL


def test_with_a_sender_colleagues_and_the_sender_stay_untouched() -> None:
    made = copies(recipients=[ALICE, "bob@acme.test", RITA], sender=ALICE)
    assert [copy["untouched"] for copy in made] == ["own", "colleague", None]
    assert [message(copy) == MAIL for copy in made] == [True, True, False]
    free = copies(recipients=["x@gmail.com"], sender="y@gmail.com")
    assert free[0]["untouched"] is None


def test_the_messages_own_wish_counts_as_at_the_gateway() -> None:
    (copy,) = copies(b"X-Seenby: pixel=off\r\n" + MAIL)
    assert copy["pixel"] is None
    assert copy["links"]
    assert b"X-Seenby" not in message(copy)
    with pytest.raises(PolicyError, match="no more than counted"):
        copies(b"X-Seenby: pixel=full\r\n" + MAIL, pixels="counted")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (MAIL.replace(b"text/html; charset=utf-8", b"application/pkcs7-mime"), True),
        (MAIL.replace(b"text/html; charset=utf-8", b"multipart/signed; boundary=b"), True),
        (b"", True),
    ],
)
def test_what_is_not_understood_is_untouched_with_its_reason(raw: bytes, reason: bool) -> None:
    (copy,) = copies(raw)
    assert message(copy) == raw
    assert (copy["pixel"], copy["links"]) == (None, [])
    assert copy["untouched"] or raw == b""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"recipients": ["nobody"]}, "'nobody' is no address"),
        ({"sender": "nobody"}, "'nobody' is no address"),
        ({"pixels": "most"}, "'most' is no tracking level"),
        ({"tracking_url": "http://["}, "is no tracking address"),
        ({"tracking_url": "t.test"}, "is no tracking address"),
        ({"tracking_url": 'https://t.test/"x'}, "is no tracking address"),
        ({"key_file": Path("/nonexistent/keys")}, "cannot be read"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SeenbyError) as told:
        copies(**given)
    assert words in str(told.value)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "keys.json"
    key_file.write_text(keyring_text(new_keyring()))
    key_file.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        copies(key_file=key_file)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    from seenby.folder import open_folder

    open_folder(tmp_path / "data").keyring()
    return tmp_path / "data"


def test_explain_reads_a_pixel_and_a_link_in_any_spelling(data: Path) -> None:
    settings, ours = load_settings(data=data), data / "keys" / "tracking.json"
    (copy,) = copies(key_file=ours)
    pixel = explain_token(copy["pixel"], settings=settings)
    assert (pixel["kind"], pixel["level"], pixel["target"], pixel["signed_here"]) == ("pixel", "full", None, True)
    link = copy["links"][0]["url"]
    told = explain_token(link, settings=settings)
    assert (told["kind"], told["target"], told["link"], told["part"]) == ("link", "https://x.test/", 0, "html")
    assert told["message"] == pixel["message"]
    for spelling in (link.rpartition("/")[2], f" {link} ", f"{link}?utm=1", f"{link}#x"):
        assert explain_token(spelling, settings=settings) == told


def test_explain_tells_a_foreign_token_from_ours_and_what_it_cannot_know(data: Path, tmp_path: Path) -> None:
    (copy,) = copies()
    assert explain_token(copy["pixel"], settings=load_settings(data=data))["signed_here"] is False
    assert explain_token(copy["pixel"], settings=load_settings(data=tmp_path / "none"))["signed_here"] is None
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["", "/", "x", "https://t.test/o/", "A" * 40, "ü", "\ud800", "\x00", "A" * 100_000])
def test_explain_says_of_rubbish_that_it_is_none(data: Path, text: str) -> None:
    with pytest.raises(InputError, match="no token of Seenby"):
        explain_token(text, settings=load_settings(data=data))


CASE = {
    "id": "c1",
    "message": {"sent_at": "2026-11-22T12:00:00Z", "mode": "one_to_one", "recipients": ["r1"], "n_links": 1},
    "hits": [],
}


def predictions(folder: Path, *lines: str | bytes) -> list[dict[str, Any]]:
    file = folder / "cases.jsonl"
    file.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(judge_cases(file))


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", "null", '"x"', "{}", '{"id": 1}', '{"id": "x", "hits": 5}', '{"id": "x", "hits": [5]}',
     '{"id": "x", "message": []}', '{"id": "x", "message": {"sent_at": 5}, "hits": [{}]}', b"\xff\xfe", "[" * 100_000],
)  # fmt: skip
def test_a_case_that_is_none_is_named_by_its_line(tmp_path: Path, line: str | bytes) -> None:
    with pytest.raises(InputError, match=r"cases\.jsonl, line 2"):
        predictions(tmp_path, "", line)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape("No such file or directory.")):
        list(judge_cases(tmp_path / "none"))
