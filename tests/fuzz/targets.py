"""What is fuzzed: each target takes any bytes and raises AssertionError when a promise about them is broken.

`make fuzz` feeds them with what libFuzzer thinks up; tests/fuzz/test_corpus.py with what it found before.
"""

import re
import tempfile
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from seenby.inbound.report import MAX_WORDS, read_report
from seenby.instrument import (
    Analysis,
    Copy,
    Headers,
    Wishes,
    analyse,
    parse_asked,
    scan_headers,
    stamp,
    untouched_copy,
)
from seenby.instrument.analysis import _url_length
from seenby.instrument.edits import HONEYPOT, PIXEL, CutEdit, InsertEdit, LinkEdit
from seenby.instrument.markup import walk
from seenby.instrument.parts import Body, Encoding, find_bodies
from seenby.instrument.prose import urls_in
from seenby.instrument.target import attribute_text, resolve
from seenby.instrument.transfer import content_of
from seenby.instrument.wishes import parse_host, shows_address
from seenby.journal.reader import FileReader
from seenby.journal.record import HEAD, MARKERS, next_record, read_record, seed_of, unpack_hit
from seenby.words.address import parse_address
from seenby.words.errors import PolicyError
from seenby.words.limits import TARGET_BYTES
from seenby.words.policy import FULL, OFF
from seenby.words.token import Keyring, Kind, encode_id, parse_token, read_token, sign_token
from tests.unit.test_instrument_html import browser_hrefs, targets, without_ours

KEYS: Final = Keyring(keys={7: b"k" * 32}, current=7)
TRACKING: Final = "https://t.example.com"
MESSAGE, RECIPIENT = encode_id(b"m" * 12), encode_id(b"r" * 8)
HTML_HEAD: Final = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
SEGMENT: Final = "0000000000000001-0123456789abcdef-000001.journal"
_NO_TEXT: Final = re.compile("[\0\x0b\x1b\ud800-\udfff\r]")  # what html5lib and we count differently, or not at all
_NUMBER: Final = re.compile("&#[0-9A-Za-z]+;?")
# What we treat in ways of our own (comments for Outlook, wishes of the author, addresses of ours), and elements in
# which a browser drops links that its tokenizer saw.
_OURS_ALONE: Final = re.compile(
    r"<!--\[if|data-no-track|clicktracking|noscript|t\.example\.com|<v:|-----BEGIN PGP "
    r"|<(?:select|frame|col|svg|math|template|plaintext)",
    re.IGNORECASE,
)


def message(raw: bytes) -> None:
    """A whole message: whatever it is, its copy differs from it in what was declared, and in nothing else."""
    wishes = Wishes(honeypot=len(raw) % 2 == 1)
    analysis = analyse(raw, tracking_url=TRACKING, wishes=wishes)
    copy = _copy(analysis)
    assert copy == _copy(analyse(raw, tracking_url=TRACKING, wishes=wishes)), "the same message gave two copies"
    as_it_came = untouched_copy(raw)
    assert stamp(
        analysis, message=MESSAGE, recipient=RECIPIENT, policy=OFF, keys=KEYS, tracking_url=TRACKING
    ).message == (as_it_came)
    if copy.untouched or not (copy.pixel or copy.links):
        assert copy.message == as_it_came, "nothing was tracked, and yet it changed"
        return
    _only_declared_changes(analysis, copy)
    if not any(isinstance(edit, CutEdit) for plan in analysis.plans for edit in plan.edits):
        _second_pass(analysis, copy)  # a wish that was taken out is not there to be heard again


def html(data: bytes) -> None:
    """A page: we find the links a browser finds, and its tree stays as it is but for them and one pixel."""
    page = _NO_TEXT.sub("", data.decode("utf-8", "ignore"))
    if _OURS_ALONE.search(page) or any(attribute_text(found) is None for found in _NUMBER.findall(page)):
        return
    hrefs = {target for href in browser_hrefs(page) if (target := resolve(href)) and _url_length(TRACKING, target)}
    assert targets(page) == hrefs
    page += "<p>end"
    before = without_ours(page)[1]
    if before[-2:] != [("p", {}), before[-1]] or not str(before[-1]).endswith("end"):
        return  # it breaks off inside a comment, tag, title or script
    head = HTML_HEAD % b"binary"
    copy = _copy(analyse(head + page.encode(), tracking_url=TRACKING))
    if len({link.target for link in copy.links}) < len(copy.links):
        return  # of three equal links never closed a browser forgets the first (HTML 13.2.4.3); tracked, none are equal
    pixels, rest = without_ours(copy.message[len(head) :].decode())
    assert rest == before
    assert pixels == (copy.pixel is not None)


def markup(content: bytes) -> None:
    """The walk over HTML alone: its ranges are inside the page, in order, and never overlap."""
    found = walk(content, own_pixel=b"https://t.example.com/o/")
    spans = sorted([(anchor.start, anchor.end) for anchor in found.anchors] + found.cuts)
    assert all(0 <= start < end <= len(content) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), "two ranges overlap"
    assert 0 <= found.bottom <= len(content)
    assert not any(start < found.bottom < end for start, end in spans), "the pixel would stand inside a link"
    for place in (found.top, found.bottom):
        assert place is None or not any(start < place < end for start, end in spans)


def url(data: bytes) -> None:
    """An address: resolving it gives what a Location can carry, and resolving that changes nothing."""
    text = data.decode("utf-8", "replace")
    href = attribute_text(text)
    for written in (text, href):
        target = None if written is None else resolve(written)
        if target:
            assert re.fullmatch(r"https?://[!-~]+", target)
            assert len(target) <= TARGET_BYTES
            assert resolve(target) == target
    shows_address(text, tracking_url=TRACKING)
    parse_host(text)
    if (address := parse_address(text)) is not None:
        assert parse_address(str(address)) == address


def prose(content: bytes) -> None:
    """Plain text: its links are found in order, and all of them are ASCII."""
    for joined in (False, True):
        found = list(urls_in(content, joined_by_spaces=joined))
        assert all(content[start:end].isascii() for start, end, _sure in found)
        assert all(content[start : start + 4].lower() == b"http" for start, _end, _sure in found)
        assert all(before[1] <= after[0] for before, after in pairwise(found))


def headers(raw: bytes) -> None:
    """The fields of a message: none gets lost, and their text can be shown and stored."""
    found = scan_headers(raw)
    assert 0 <= found.end <= len(raw)
    assert all(before.end <= after.start for before, after in pairwise(found.fields))
    for name in {field.name for field in found.fields} | {"from", "to", "subject"}:
        for text in (*found.all(name), *(shown for shown, _address in found.addresses(name))):
            text.encode("utf-8")
            assert "\0" not in text
            assert "\n" not in text
        found.authors(name)
    _asked(found)
    left = scan_headers(untouched_copy(raw))
    assert left.too_long or not any(field.name == "bcc" for field in left.fields), "a blind copy was told of"


def token(data: bytes) -> None:
    """A token: what we did not sign is none, and what can be read at all reads the same when it is signed."""
    text = data.decode("latin-1")
    for kind in Kind:
        assert parse_token(text, KEYS, kind=kind) is None or len(data) > 30
    read = read_token(data)
    if read is not None and (read.kind is not Kind.LINK or (read.target and resolve(read.target) == read.target)):
        assert parse_token(sign_token(read, KEYS), KEYS, kind=read.kind) == read


def journal(data: bytes) -> None:
    """A segment: damage is skipped, whole records are read, and reading comes to an end."""
    seed = seed_of(SEGMENT)
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        segment = Path(folder, SEGMENT)
        segment.write_bytes(_checked(data, seed))
        batch = FileReader(Path(folder)).take({}, limit=10_000)
        again = FileReader(Path(folder)).take(batch.done, limit=10_000)
    assert not again.hits
    assert all(0 <= offset <= len(data) for offset in batch.done.values())
    unpack_hit(data)


def report(raw: bytes) -> None:
    """A mail to a return address: it is read as one of the kinds, in words that can be kept."""
    found = read_report(raw)
    assert found == read_report(raw)
    found.words.encode("utf-8")
    assert len(found.words) <= MAX_WORDS
    assert "\0" not in found.words


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "message": message,
    "html": html,
    "markup": markup,
    "url": url,
    "prose": prose,
    "headers": headers,
    "token": token,
    "journal": journal,
    "report": report,
}


# ---------------------------------------------------------------- what they are made of


def _copy(analysis: Analysis) -> Copy:
    return stamp(analysis, message=MESSAGE, recipient=RECIPIENT, policy=FULL, keys=KEYS, tracking_url=TRACKING)


def _only_declared_changes(analysis: Analysis, copy: Copy) -> None:
    """Around the bodies each byte stays; in them each edit that was planned is made, and nothing else."""
    before, after = analysis.raw, copy.message
    old = find_bodies(before, analysis.headers).bodies
    new = find_bodies(after, scan_headers(after)).bodies
    assert len(old) == len(new), "the copy has other parts than the message"
    assert after.startswith(untouched_copy(analysis)[: len(untouched_copy(analysis)) - (len(before) - old[0].start)])
    for (left, right), (new_left, new_right) in zip(pairwise(old), pairwise(new), strict=True):
        assert before[left.end : right.start] == after[new_left.end : new_right.start]
    assert before[old[-1].end :] == after[new[-1].end :]
    edits = {plan.body: plan for plan in analysis.plans}
    for body, same in zip(old, new, strict=True):
        if body in edits:
            _same_but_for(edits[body].content, edits[body].edits, copy, content_of(after, same), body)
        else:
            assert before[body.start : body.end] == after[same.start : same.end]


def _same_but_for(content: bytes, edits: object, copy: Copy, after: bytes | None, body: Body) -> None:
    assert isinstance(edits, tuple)
    urls = {link.number: link.url for link in copy.links}
    pieces, here = [], 0
    for edit in edits:
        pieces.append(content[here : edit.start])
        here = edit.end
        match edit:
            case LinkEdit(number=number):
                pieces.append(urls[number].encode())
            case InsertEdit(elements=elements):
                ours = {PIXEL.number: copy.pixel, HONEYPOT.number: copy.honeypot}
                for element, length in elements:
                    url = ours[element.number]
                    assert url is not None
                    assert len(url) == length
                    pieces.append(element.opening + url.encode() + element.closing)
            case CutEdit():
                pass
    wanted = b"".join((*pieces, content[here:]))
    assert after is not None, "what was written cannot be read back"
    if body.encoding is Encoding.IDENTITY:  # a full line is broken inside a tag, where HTML allows any space
        grown = after.count(b"\n") - wanted.count(b"\n")
        assert 0 <= grown <= 4 * len(edits)
        wanted, after = (_spaceless(page) for page in (wanted, after))
    assert wanted == after


def _spaceless(page: bytes) -> bytes:
    return re.sub(rb"[\r\n ]+", b"", page)


def _second_pass(analysis: Analysis, copy: Copy) -> None:
    """Read again by us, the copy has the same targets, and one pixel."""
    again = analyse(copy.message, tracking_url=TRACKING, keys=KEYS)
    first, second = ([link.target for link in reading.links] for reading in (analysis, again))
    assert not any(target.startswith(f"{TRACKING}/c/{MESSAGE[:4]}") for target in second)
    assert set(second) <= set(first) | set(_followed(first))
    if not again.untouched:
        twice = _copy(again)
        assert analyse(twice.message, tracking_url=TRACKING, keys=KEYS).links == again.links


def _followed(found: list[str]) -> list[str]:
    """Where those of `found` lead that are tracking links of ours already."""
    tokens = [parse_token(target.rpartition("/")[2], KEYS, kind=Kind.LINK) for target in found]
    return [token.target for token in tokens if token and token.target]


def _asked(found: Headers) -> None:
    try:
        parse_asked(found)
    except PolicyError as error:
        assert str(error)  # noqa: PT017 - a target is no test


def _checked(data: bytes, seed: int) -> bytes:
    """`data` with its records' checksums put right, so that what is behind them is reached too."""
    if data[:1] == b"\0":
        return data
    out, here = b"", 0
    while (at := data.find(MARKERS, here)) >= 0 and len(data) - at >= HEAD.size:
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        body = data[at + HEAD.size : at + HEAD.size + length]
        out += data[here:at] + HEAD.pack(data[at : at + 4], len(body), zlib.crc32(body, seed)) + body
        here = at + HEAD.size + len(body)
        assert next_record(out, 0, seed) is None or read_record(out, 0, seed + 1) is None
    return out + data[here:]


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
