"""Unsubscribing at the tracker: asked by GET, done by POST, and never claimed before it is on disk."""

import threading
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from pathlib import Path

import pytest

from seenby.journal import FileJournal, FileReader, MemoryJournal
from seenby.tracker import run_tracker
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, Token, sign_token
from tests.http.conftest import KEYS, Client, Reply, Tracker, link, path, pixel
from tests.http.test_tracker import keep_out

ONE_CLICK = b"List-Unsubscribe=One-Click"


def wish(message: str = "m" * 16, *, keys: Keyring = KEYS) -> bytes:
    token = Token(kind=Kind.UNSUBSCRIBE, level=Level.COUNTED, message=message, recipient="r" * 10 + "w")
    return path(Kind.UNSUBSCRIBE, sign_token(token, keys))


def post(client: Client, *, body: bytes = ONE_CLICK, more: bytes = b"") -> Reply:
    head = b"POST %s HTTP/1.1\r\nHost: t.test\r\n%sContent-Length: %d\r\n\r\n" % (wish(), more, len(body))
    return keep_out(client.send(head + body).reply())


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_looking_asks_once_and_changes_nothing(tracker, method):
    reply = keep_out(tracker.client().get(wish(), method=method))
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "form-action 'self'" in reply.headers["content-security-policy"]
    assert reply.body.count(b"<button>") == (1 if method == b"GET" else 0)
    assert b"http" not in reply.body  # nothing is loaded from anywhere, nobody is linked to
    assert tracker.hits() == ()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(ONE_CLICK, id="one click"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"x" * 100_000, id="far more than one click"),
        pytest.param(b"\x00\xff<script>", id="garbage"),
        pytest.param(b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n", id="a request"),
    ],
)
def test_a_post_unsubscribes_whatever_its_body_says(tracker, body):
    client = tracker.client()
    reply = post(client, body=body, more=b"User-Agent: Mail/1\r\nCookie: a=1\r\nX-Forwarded-For: 192.0.2.1\r\n")
    assert reply.status == 200
    assert b"You are unsubscribed" in reply.body
    assert "location" not in reply.headers
    assert not body or client.is_closed()
    [hit] = tracker.hits()
    assert (hit.token.kind, hit.token.recipient, hit.method) == (Kind.UNSUBSCRIBE, "r" * 10 + "w", "POST")
    assert (hit.address, hit.agent, dict(hit.headers)) == (None, None, {})


def test_a_body_that_comes_in_pieces_or_late_or_never_is_no_hindrance(tracker):
    client = tracker.client()
    client.send(b"POST %s HTTP/1.1\r\nHost: t.test\r\nTransfer-Encoding: chunked\r\n\r\n" % wish())
    assert client.reply().status == 200
    assert len(tracker.hits()) == 1
    connection = HTTPConnection("127.0.0.1", tracker.port, timeout=20)
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Expect": "100-continue"}
    connection.request("POST", wish().decode(), body=iter([b"--b\r\n", b"--b--\r\n"]), headers=headers)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(tracker.hits()) == 2


def test_posting_twice_is_answered_twice(tracker):
    client = tracker.client()
    assert [post(client, body=b"").status for _ in range(2)] == [200, 200]
    assert len({hit.id for hit in tracker.hits()}) == 2


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"/u/", id="nothing"),
        pytest.param(wish()[:-1], id="truncated"),
        pytest.param(wish() + b"/", id="longer"),
        pytest.param(wish(keys=Keyring(keys={7: b"x" * 32}, current=7)), id="forged"),
        pytest.param(path(Kind.UNSUBSCRIBE, link()), id="a link's"),
        pytest.param(path(Kind.UNSUBSCRIBE, pixel()), id="a pixel's"),
        pytest.param(path(Kind.PREFERENCES, wish()[3:].decode()), id="on another path"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_what_we_did_not_sign_is_a_404_page(tracker, target, method):
    reply = keep_out(tracker.client().get(target, method=method))
    assert reply.status == 404
    assert b"nothing here" in reply.body
    assert tracker.hits() == ()


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"OPTIONS", b"PATCH"])
def test_other_methods_unsubscribe_nobody(tracker, method):
    reply = keep_out(tracker.client().get(wish(), method=method))
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
    assert tracker.hits() == ()


class Refusing(MemoryJournal):
    """Breaks its promise never to raise."""

    def append(self, payloads: Sequence[bytes], then: Callable[[], None]) -> None:
        raise OSError("no")


@pytest.mark.parametrize("kind", ["full", "raising"])
def test_what_cannot_be_kept_is_not_claimed(start: Callable[..., Tracker], kind: str) -> None:
    journal = Refusing() if kind == "raising" else MemoryJournal()
    journal.healthy = False
    tracker = start(journal)
    reply = post(tracker.client())
    assert reply.status == 503
    assert b"You are not unsubscribed yet" in reply.body
    assert b"<button>Try again</button>" in reply.body
    assert reply.headers["retry-after"] == "120"
    assert tracker.client().get(path(Kind.PIXEL, pixel())).status == 200  # the reader of a pixel is served all the same


def test_a_tracker_that_records_nothing_says_that_it_did_not() -> None:
    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    options = {"listen": ("127.0.0.1", 0), "keys": KEYS, "journal": None, "on_ready": on_ready, "stop": stop}
    thread = threading.Thread(target=run_tracker, kwargs=options)
    thread.start()
    assert ready.wait(20)
    connection = HTTPConnection("127.0.0.1", ports[0], timeout=20)
    connection.request("POST", wish().decode(), body=ONE_CLICK)
    assert connection.getresponse().status == 503
    connection.close()
    stop.set()
    thread.join(20)


def test_of_pipelined_requests_only_the_wish_that_was_lost_is_denied(start):
    journal = MemoryJournal()
    client = start(journal).client()
    ask = b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n"
    journal.healthy = False
    client.send(ask + ask + b"POST %s HTTP/1.1\r\nHost: t\r\n\r\n" % wish() + ask)
    assert [client.reply().status for _ in range(4)] == [200, 200, 503, 200]


def test_a_disk_that_is_full_means_not_yet_and_one_with_room_means_done(
    start: Callable[..., Tracker], tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    full = start(FileJournal(folder, segment_bytes=262_144, max_bytes=1))
    assert post(full.client()).status == 503
    fine = start(FileJournal(folder, segment_bytes=262_144))
    assert post(fine.client()).status == 200
    assert [hit.token.kind for hit in FileReader(folder).take({}, limit=10).hits] == [Kind.UNSUBSCRIBE]
