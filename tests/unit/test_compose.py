"""From what somebody typed to the bytes that go out: nothing is lost, nothing slips in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.compose import markup
from seenby.compose.fields import broken_in, fields_of, parse_table
from seenby.compose.letters import Dated, is_apart, letters, problems
from seenby.compose.mime import Attached, Letter, message_of
from seenby.compose.people import Person, as_typed, one_line, parse_people
from seenby.compose.prose import text_of
from seenby.compose.timing import Unclear, moment_of, shown
from seenby.compose.written import Written, addressed, read_draft, write_draft
from seenby.instrument import scan_headers
from seenby.words.address import Address
from seenby.words.limits import APART_BYTES, FIELD_CHARACTERS, FIELDS, RECIPIENTS, SCHEDULE_DAYS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DATED = Dated(at=NOW, draft="dr4ft-A_", host="t.test")
RITA = Person(name="Rita", address=Address("rita", "out.test"))
HOSTILE = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "x\r\nBcc: evil@x.test",
            "=?utf-8?q?=0D=0ABcc:_evil@x.test?=",
            "a\x00b\u202egpj.exe",
            '"; filename="x.exe',
            "boss@acme.test",
            "Ä" * 200,
            "w" * 300,
            "-- ",
            "é\u0301 😀" * 40,
            "\ud800",
        ]
    ),
)


def letter(**parts: object) -> Letter:
    whole: dict[str, object] = {
        "sender": Person(name="Alice", address=Address("alice", "acme.test")),
        "to": (RITA,),
        "cc": (),
        "bcc": (),
        "subject": "Hello",
        "text": "Hi\n",
        "html": "<p>Hi</p>",
        "at": NOW,
        "message_id": "<1@t.test>",
        "boundary": "b",
    }
    return Letter(**{**whole, **parts})  # type: ignore[arg-type]


def read(raw: bytes) -> Any:
    return message_from_bytes(raw, policy=policy.default)


def plain(text: str) -> str:
    """What of a text can be sent at all."""
    return one_line(text).encode("utf-8", "replace").decode()


@given(name=HOSTILE, subject=HOSTILE, file=HOSTILE, text=HOSTILE, kind=HOSTILE)
def test_whatever_is_typed_the_fields_are_ours_and_say_what_was_typed(
    name: str, subject: str, file: str, text: str, kind: str
) -> None:
    raw = message_of(
        letter(
            sender=Person(name=name, address=Address("alice", "acme.test")),
            subject=subject,
            text=text,
            attached=(Attached(name=file, type=kind, raw=b"\x00\xff--=_b-m\r\n"),),
        )
    )
    headers = scan_headers(raw)
    assert [field.name for field in headers.fields] == [
        "from", "to", "subject", "date", "message-id", "mime-version", "content-type",
    ]  # fmt: skip
    assert not headers.malformed
    assert headers.first("subject") == plain(subject)
    assert [address.key for _name, address in headers.addresses("from")] == ["alice@acme.test"]
    assert headers.addresses("from")[0][0].split() == plain(name).split()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    message: Any = message_from_bytes(raw)
    words, attached = message.get_payload()
    assert message.get_content_type() == "multipart/mixed"
    assert words.get_content_type() == "multipart/alternative"
    assert attached.get_payload(decode=True) == b"\x00\xff--=_b-m\r\n"
    assert attached.get_content_disposition() == "attachment"
    assert attached.get_filename() == (plain(file) or "file")
    first = words.get_payload()[0].get_payload(decode=True).decode()
    # Between the last line and the boundary is a line end that belongs to the boundary (RFC 2046 5.1.1).
    lines = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert first.replace("\r\n", "\n").rstrip("\n") == lines.rstrip("\n")


def test_blind_copies_are_named_in_the_senders_own_copy_alone() -> None:
    bcc = Person(name="Secret", address=Address("secret", "out.test"))
    assert b"secret" not in message_of(letter(bcc=(bcc,)))
    assert scan_headers(message_of(letter(bcc=(bcc,)), with_bcc=True)).addresses("bcc") == (("Secret", bcc.address),)


def test_an_answer_names_what_it_answers_and_the_thread() -> None:
    raw = message_of(letter(answers="<2@t.test>", references=("<1@t.test>", "no id", "<1@t.test>\r\nBcc: x@x.test")))
    message = read(raw)
    assert message["In-Reply-To"] == "<2@t.test>"
    assert message["References"].split() == ["<1@t.test>", "<2@t.test>"]
    assert "In-Reply-To" not in read(message_of(letter(answers="<2@t.test>\r\nBcc: x@x.test")))


@pytest.mark.parametrize(
    ("typed", "people", "wrong"),
    [
        ("rita@out.test", [("", "rita@out.test")], []),
        ("Rita Reader <rita@out.test>", [("Rita Reader", "rita@out.test")], []),
        ('"Reader, Rita" <rita@out.test>; rob@out.test', [("Reader, Rita", "rita@out.test"), ("", "rob@out.test")], []),
        ("rita@out.test\nrob@out.test,,", [("", "rita@out.test"), ("", "rob@out.test")], []),
        ("rita@out.test, RITA@out.test", [("", "rita@out.test")], []),
        ("rita, rob@out.test", [("", "rob@out.test")], ["rita"]),
        ("<rita@out.test", [], ["<rita@out.test"]),
        ("Rita rita@out.test", [], ["Rita rita@out.test"]),
        ("", [], []),
        ("Jürgen <jürgen@müller.test>", [("Jürgen", "jürgen@müller.test")], []),
    ],
    ids=str,
)
def test_a_field_of_addresses_is_read_as_people_mean_it(
    typed: str, people: Sequence[tuple[str, str]], wrong: Sequence[str]
) -> None:
    found = parse_people(typed)
    assert [(one.name, str(one.address)) for one in found.people] == people
    assert list(found.wrong) == wrong


@given(st.text(max_size=400))
def test_reading_addresses_never_raises_and_what_is_written_is_read_back(text: str) -> None:
    found = parse_people(text).people
    again = parse_people(as_typed([(one.name, str(one.address)) for one in found])).people
    assert [one.address.key for one in again] == [one.address.key for one in found]
    assert [one.name for one in again] == [one.name for one in found]


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<a href='/settings'>x</a>",
        "<p style='position:fixed' class=card id=toast hx-post=/sign-out>x</p>",
        "<svg><script>alert(1)</script></svg>",
        "<form action=/sign-out><button>x</button></form>",
        "<iframe src=//x.test></iframe><object></object><base href=//x.test>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<a href='https://x.test' hx-get=/x target=_blank>x</a>",
        "<template><script>alert(1)</script></template>",
    ],
)
def test_html_keeps_nothing_but_what_is_on_the_list(html: str) -> None:
    kept = markup.clean(html)
    for bad in (
        "script",
        "onerror",
        "javascript",
        "data:",
        "/settings",
        "style",
        "class",
        "hx-",
        "iframe",
        "form",
        "<img",
    ):
        assert bad not in kept
    assert markup.clean(kept) == kept


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing_and_text_as_html_says_the_same(text: str) -> None:
    once = markup.clean(text)
    assert markup.clean(once) == once
    assert text_of(markup.clean(markup.of_text(text.replace("\x00", "")))).split() == text.replace("\x00", "").split()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>lines</p>", "One\n\nTwo\nlines\n"),
        ("<ul><li><p>a</p></li><li><p>b</p><ol start=3><li><p>c</p></li></ol></li></ul>", "- a\n- b\n  3. c\n"),
        ("<blockquote><p>said</p><p>twice</p></blockquote><p>me</p>", "> said\n\n> twice\n\nme\n"),
        ('<p>See <a href="https://x.test/a">this</a>.</p>', "See this <https://x.test/a>.\n"),
        ('<p><a href="https://x.test/">https://x.test</a></p>', "https://x.test\n"),
        ('<p><a href="mailto:a@b.test">a@b.test</a></p>', "a@b.test\n"),
        ("<p>Hi</p><p>--<br>Alice</p>", "Hi\n\n-- \nAlice\n"),
        ("<pre><code>a\n  b</code></pre>", "a\n  b\n"),
        ("", ""),
    ],
)
def test_the_text_beside_the_html_reads_as_one_would_write_it(html: str, text: str) -> None:
    assert text_of(html) == text


def written(**parts: object) -> Written:
    whole: dict[str, object] = {
        "from_": "alice@acme.test",
        "to": "Rita Reader <rita@out.test>, rob@out.test",
        "subject": "Hi {{first_name}}",
        "html": '<p>Hi {{ first_name }}, <a href="https://x.test/?for={{email}}">{{company}}</a></p>',
        "values": {
            "rita@out.test": {"company": "R & <b>D</b>"},
            "rob@out.test": {"first_name": "Rob", "company": "{{email}}"},
        },
    }
    return Written(**{**whole, **parts})  # type: ignore[arg-type]


def test_fields_are_put_in_as_they_are_and_everybody_gets_a_message_of_their_own() -> None:
    assert problems(written()) == ()
    rita, rob = letters(written(), DATED, files=())
    assert (rita.to, rita.cc, rita.bcc) == ((Person(name="Rita Reader", address=RITA.address),), (), ())
    assert (rita.subject, rob.subject) == ("Hi Rita", "Hi Rob")
    assert "R &amp; &lt;b&gt;D&lt;/b&gt;" in rita.html
    assert 'href="https://x.test/?for=rita%40out.test"' in rita.html
    assert "Hi Rob, {{email}} <https://x.test/?for=rob%40out.test>" in rob.text, "a value is never a template"
    assert (rita.message_id, rob.message_id) == ("<dr4ft-A_.0@t.test>", "<dr4ft-A_.1@t.test>")


def test_a_missing_field_is_named_with_its_person() -> None:
    told = problems(written(values={"rita@out.test": {"company": "R"}}))
    assert told == ("“first_name” is missing for rob@out.test.", "“company” is missing for rob@out.test.")


def test_a_value_with_a_line_end_adds_no_field_to_the_header() -> None:
    (one,) = letters(
        written(to="rob@out.test", values={"rob@out.test": {"first_name": "R\r\nBcc: x@x.test", "company": "c"}}),
        DATED,
        files=(),
    )
    assert one.subject == "Hi R Bcc: x@x.test"
    assert scan_headers(message_of(one)).addresses("bcc") == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": ""}, "Nobody is to get it"),
        ({"to": "rita"}, "“rita” is no address"),
        ({"subject": " "}, "The subject is empty"),
        ({"subject": "a\r\nBcc: x@x.test"}, "The subject holds a line end"),
        ({"html": "<p><br></p>"}, "There is no text yet"),
        ({"html": "<p>{{<b>first</b>_name}}</p>", "subject": "x"}, "looks like a field that is broken"),
        ({"to": ",".join(f"r{n}@out.test" for n in range(RECIPIENTS + 1))}, f"{RECIPIENTS} are the most"),
    ],
    ids=str,
)
def test_what_keeps_a_message_from_going_is_said(change: dict[str, object], said: str) -> None:
    assert said in " ".join(problems(written(**change)))


def test_files_that_go_out_many_times_have_a_bound() -> None:
    one = written(html="<p>x</p>", subject="x", apart=True)
    assert problems(one, attached_bytes=APART_BYTES // 2) == ()
    assert "go out 2 times" in problems(one, attached_bytes=APART_BYTES // 2 + 1)[0]


def test_without_fields_all_get_one_message_with_everybody_in_it_once() -> None:
    one = written(html="<p>x</p>", subject="x", cc="rita@out.test, carl@out.test", bcc="carl@out.test, bea@out.test")
    assert not is_apart(one)
    (whole,) = letters(one, DATED, files=())
    assert [str(person.address) for person in whole.to] == ["rita@out.test", "rob@out.test"]
    assert [str(person.address) for person in whole.cc] == ["carl@out.test"]
    assert [str(person.address) for person in whole.bcc] == ["bea@out.test"]
    assert len(addressed(one).everybody) == 4


def test_fields_are_found_and_broken_ones_are_told_apart() -> None:
    assert fields_of("{{A}} {{ b_2 }}", "{{a}} {x} {{}} {{1}}") == ("a", "b_2")
    assert broken_in("{fine}") == ()
    assert broken_in("Hi {{first name}}, hi {{", "}}") == ("{{first name}}", "{{", "}}")


def test_a_pasted_table_says_who_gets_what() -> None:
    table = parse_table("Email;First name;Company\nrita@out.test;Rita;Acme, Inc\n\nrob@out.test;Rob;\n")
    assert table.problem == ""
    assert [str(one.address) for one in table.people] == ["rita@out.test", "rob@out.test"]
    assert table.values == {
        "rita@out.test": {"first_name": "Rita", "company": "Acme, Inc"},
        "rob@out.test": {"first_name": "Rob"},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("name,company\nRita,Acme", "has to be “email”"),
        ("email\nnobody", "Line 2"),
        ('email,a\n"x,y', "cannot be read"),
        ("email" + ",x" * (FIELDS + 1) + "\n", "columns"),
        ("email\n" + "a@b.test\n" * (RECIPIENTS + 1), "are the most"),
    ],
    ids=["nothing", "no address", "no address in a line", "a quotation mark", "wide", "long"],
)
def test_a_table_that_cannot_be_used_says_why(text: str, said: str) -> None:
    assert said in parse_table(text).problem


@given(st.text(max_size=400))
def test_reading_a_table_never_raises(text: str) -> None:
    parse_table(f"email,x\n{text}")


def test_a_value_is_cut_at_its_limit() -> None:
    table = parse_table(f"email,x\na@b.test,{'v' * (FIELD_CHARACTERS + 1)}")
    assert table.values == {"a@b.test": {"x": "v" * FIELD_CHARACTERS}}


def test_a_draft_is_read_back_as_it_was_and_damage_makes_an_empty_one() -> None:
    assert read_draft(write_draft(written())) == written()
    assert read_draft('{"to": 1}') == read_draft("[") == Written()


@pytest.mark.parametrize(
    ("typed", "zone", "comes_to"),
    [
        ("2026-11-24T09:00", "Europe/Berlin", "2026-11-24T08:00:00+00:00"),
        ("2026-11-24T09:00", "America/New_York", "2026-11-24T14:00:00+00:00"),
        ("2026-11-24T09:00", "UTC", "2026-11-24T09:00:00+00:00"),
        ("2027-03-28T02:30", "Europe/Berlin", "the clocks go forward"),
        ("2026-11-22T11:59", "UTC", "is over"),
        ("2029-01-01T00:00", "UTC", f"{SCHEDULE_DAYS} days"),
        ("2026-11-24", "UTC", "both the day and the time"),
        ("9999-12-31T23:59", "America/New_York", "both"),
        ("2026-11-24T09:00", "Mars/Olympus", "no time zone"),
        ("2026-11-24T09:00", "../../etc/passwd", "no time zone"),
        ("2026-11-24T09:00", "", "no time zone"),
    ],
)
def test_a_time_is_read_in_the_writers_zone(typed: str, zone: str, comes_to: str) -> None:
    found = moment_of(typed, zone, now=NOW)
    if isinstance(found, Unclear):
        assert comes_to in found.why
    else:
        assert found.isoformat() == comes_to


def test_a_moment_is_shown_with_its_zone() -> None:
    assert shown(NOW + timedelta(days=2), "Europe/Berlin") == "Tue 24 Nov 2026, 13:00 Europe/Berlin"
    assert shown(NOW, "nowhere") == "Sun 22 Nov 2026, 12:00 UTC"
