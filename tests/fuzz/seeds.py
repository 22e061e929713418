"""What fuzzing begins with: what was found before, and the messages of tests/mail, cut up as each target needs it."""

import email
from collections.abc import Iterator
from email.message import Message
from hashlib import blake2b
from pathlib import Path
from typing import Final

from seenby.instrument import analyse, stamp
from seenby.journal.record import frame, pack_hit, seed_of
from seenby.words.policy import FULL
from seenby.words.token import decode_id
from tests.fuzz import targets

CORPUS: Final = Path(__file__).parent / "corpus"
MAIL: Final = Path(__file__).parents[1] / "mail"


def seeds(name: str) -> Iterator[bytes]:
    """The inputs that the target `name` starts from."""
    folder = CORPUS / name
    yield from (path.read_bytes() for path in sorted(folder.glob("*")))
    messages = [path.read_bytes() for path in sorted(MAIL.glob("*/in.eml"))]
    match name:
        case "message" | "report":
            yield from messages
        case "headers":
            yield from (raw[: raw.find(b"\r\n\r\n") + 4] for raw in messages)
        case "html" | "markup":
            yield from (content for raw in messages for content in _contents(raw, "text/html"))
        case "prose":
            yield from (content for raw in messages for content in _contents(raw, "text/plain"))
        case "url":
            yield from (link.encode() for raw in messages for link in _links(raw))
        case "token":
            yield from _tokens(messages)
        case "journal":
            seed = seed_of(targets.SEGMENT)
            hits = [pack_hit(bytes(16), 0, raw, "GET") for raw in _tokens(messages)]
            yield frame(hits, seed) + frame(hits[:1], seed) + frame((), seed)
        case _:
            raise AssertionError(name)


def put_seeds(name: str, folder: Path) -> None:
    """The same as files, as libFuzzer wants them."""
    folder.mkdir()
    for data in seeds(name):
        (folder / blake2b(data, digest_size=12).hexdigest()).write_bytes(data)


def _contents(raw: bytes, kind: str) -> Iterator[bytes]:
    parsed: Message = email.message_from_bytes(raw)
    for part in parsed.walk():
        content = part.get_payload(decode=True) if part.get_content_type() == kind else None
        if isinstance(content, bytes):
            yield content


def _links(raw: bytes) -> Iterator[str]:
    yield from (link.target for link in analyse(raw, tracking_url=targets.TRACKING).links)


def _tokens(messages: list[bytes]) -> Iterator[bytes]:
    for raw in messages[:10]:
        copy = stamp(
            analyse(raw, tracking_url=targets.TRACKING),
            message=targets.MESSAGE,
            recipient=targets.RECIPIENT,
            policy=FULL,
            keys=targets.KEYS,
            tracking_url=targets.TRACKING,
        )
        yield from (decode_id(link.url.rpartition("/")[2]) or b"" for link in copy.links)
