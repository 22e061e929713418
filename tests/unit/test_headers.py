"""Fields are found as ranges, and their text is safe to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.instrument import parse_asked, scan_headers
from seenby.words.errors import PolicyError
from seenby.words.policy import Asked, Level

RAW = b"Subject: =?utf-8?q?Gr=C3=BC=C3?=\r\n =?UTF-8?Q?=9Fe?= you\r\n"
RAW += b"To: a@b.example,\r\n\tC <c@d.example>\r\nto: e@f.example\r\n\r\nSubject: body"


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_fields_are_ranges_of_the_message_folding_included(newline: bytes) -> None:
    raw = RAW.replace(b"\r\n", newline)
    headers = scan_headers(raw)
    assert raw[headers.end :] == b"Subject: body"
    assert b"".join(raw[field.start : field.end] for field in headers.fields) + newline == raw[: headers.end]
    assert [field.name for field in headers.fields] == ["subject", "to", "to"]
    assert headers.first("subject") == "Grüße you"
    assert headers.all("TO") == ("a@b.example,\tC <c@d.example>".replace("\t", " "), "e@f.example")
    assert headers.raw("to")[1] == b"e@f.example"
    assert headers.first("cc") is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(b"plain", "plain", id="plain"),
        pytest.param("Grüße".encode(), "Grüße", id="raw UTF-8"),
        pytest.param(b"Gr\xfc\xdfe", "Grüße", id="raw Latin-1"),
        pytest.param(b"=?iso-8859-1?B?R3L832U=?=", "Grüße", id="base64"),
        pytest.param(b"=?iso-8859-1?B?R3L832U?=", "Grüße", id="base64 without padding"),
        pytest.param(b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本", id="Japanese"),
        pytest.param(b"a =?utf-8?q?b?= =?utf-8?q?c?= d", "a bc d", id="space between encoded words goes"),
        pytest.param(b"=?utf-8*de?q?x?=", "x", id="with a language"),
        pytest.param(b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x", id="no line end can be smuggled in"),
        pytest.param(b"=?utf-8?q?a=E2=80=AEgpj?=", "a gpj", id="no turning of direction"),
        pytest.param(b"=?zlib_codec?q?x?=", "x", id="no codec of that name"),
        pytest.param(b"=?utf-8?q?broken", "=?utf-8?q?broken", id="not an encoded word"),
        pytest.param(b"=?utf-8?b?!?=", "", id="not base64"),
    ],
)
def test_text_is_decoded_and_safe_to_show(written: bytes, shown: str) -> None:
    assert scan_headers(b"Subject: " + written + b"\r\n\r\n").first("Subject") == shown


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(b"a@b.example", [("", "a@b.example")], id="bare"),
        pytest.param(b'"Doe, J. \\"x\\"" <j@b.example>', [('Doe, J. "x"', "j@b.example")], id="quoted name"),
        pytest.param(b"=?utf-8?q?J=2C_D?= <j@b.example>", [("J, D", "j@b.example")], id="encoded comma"),
        pytest.param(b"j@b.example (a, comment (nested))", [("", "j@b.example")], id="comment"),
        pytest.param(
            b"friends: a@b.example, C <c@d.example>;, e@f.example",
            [("", "a@b.example"), ("C", "c@d.example"), ("", "e@f.example")],
            id="group",
        ),
        pytest.param(b"undisclosed-recipients:;", [], id="empty group"),
        pytest.param(b"garbage, <>, a@@b, ok@b.example,,", [("", "ok@b.example")], id="garbage"),
        pytest.param(b'"open, a@b.example', [], id="quote never closed"),
    ],
)
def test_mailboxes_are_found_and_garbage_is_passed_over(written: bytes, expected: list[tuple[str, str]]) -> None:
    found = scan_headers(b"To: " + written + b"\r\n\r\n").addresses("To")
    assert [(name, str(address)) for name, address in found] == expected


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        pytest.param(b"pixel=off links=identified", Asked(pixels=Level.OFF, links=Level.IDENTIFIED), id="both"),
        pytest.param(b"PIXELS = counted", Asked(pixels=Level.COUNTED), id="one channel, spaces, upper case"),
        pytest.param(b"off", Asked(pixels=Level.OFF, links=Level.OFF), id="a level alone means both"),
        pytest.param(b"link=full, link=off; pixel=on", Asked(links=Level.OFF), id="the stricter counts"),
        pytest.param(b"", Asked(), id="nothing said"),
    ],
)
def test_a_wish_is_read(written: bytes, asked: Asked) -> None:
    assert parse_asked(scan_headers(b"X-Seenby: " + written + b"\r\n\r\n")) == asked


def test_without_the_field_nothing_is_asked() -> None:
    assert parse_asked(scan_headers(b"Subject: x\r\n\r\n")) == Asked()


@pytest.mark.parametrize("written", [b"pixel=most", b"pixel=", b"pixel", b"colour=red", b"=", b"off=off"])
def test_a_wish_we_do_not_know_is_an_error_in_a_sentence(written: bytes) -> None:
    with pytest.raises(PolicyError, match=r"\.$"):
        parse_asked(scan_headers(b"X-Seenby: " + written + b"\r\n\r\n"))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    headers = scan_headers(raw)
    for field in headers.fields:
        text = headers.first(field.name)
        assert text is not None
        assert not any(character < " " for character in text)
        headers.addresses(field.name)


@given(st.binary(max_size=100).map(lambda value: b"To: " + value.replace(b"\n", b"") + b"\r\n\r\n"))
def test_no_value_makes_the_reader_raise(raw: bytes) -> None:
    scan_headers(raw).addresses("to")
    scan_headers(raw).first("to")
