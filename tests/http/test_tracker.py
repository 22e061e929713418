"""What the tracker answers, byte by byte, over real sockets."""

import asyncio
import random
import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_network

import pytest

from seenby.journal import MemoryJournal
from seenby.tracker.answers import GIF
from seenby.words.limits import REQUEST_BYTES
from seenby.words.policy import Level
from seenby.words.token import Keyring, Kind, parse_token
from tests.http.conftest import KEYS, TARGET, Reply, link, path, pixel, running

NOT_OURS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"x", id="one letter"),
    pytest.param(b"A" * 55, id="forged"),
    pytest.param(b"A" * 9000, id="over-long"),
    pytest.param(pixel().encode()[:-1], id="truncated"),
    pytest.param(pixel().encode() + b"=", id="padded"),
    pytest.param(pixel().encode() + b".gif", id="with an ending"),
    pytest.param(b"a/b/../c", id="a path"),
    pytest.param(b"%0d%0aSet-Cookie:x=1", id="encoded line break"),
    pytest.param(b"\xff\xfe\x80", id="not ASCII"),
    pytest.param(b"https://evil.test/", id="a URL"),
]


def keep_out(reply: Reply) -> Reply:
    assert "set-cookie" not in reply.headers
    assert "date" in reply.headers
    return reply


def is_pixel(reply: Reply, body: bytes = GIF) -> bool:
    keep_out(reply)
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["content-type"] == "image/gif"
    assert reply.headers["content-length"] == "43"
    assert reply.headers["cache-control"] == "no-store, private, max-age=0"
    assert not {"etag", "last-modified", "location", "expires"} & reply.headers.keys()
    return True


def is_missing(reply: Reply) -> bool:
    keep_out(reply)
    assert reply.status == 404
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "location" not in reply.headers
    assert b'<html lang="en">' in reply.body
    assert b"viewport" in reply.body
    return True


def test_a_pixel_is_a_gif_that_nobody_keeps_and_its_hit_is_journalled(tracker):
    before = datetime.now(UTC) - timedelta(seconds=1)
    reply = tracker.client().get(
        path(Kind.PIXEL, pixel()), more=b"User-Agent: Mail/1\r\nAccept: image/*\r\nCookie: a=1\r\n"
    )
    assert is_pixel(reply)
    [hit] = tracker.hits()
    assert hit.token == parse_token(pixel(), KEYS, kind=Kind.PIXEL)
    assert (hit.method, hit.address, hit.agent, dict(hit.headers)) == (
        "GET",
        "127.0.0.1",
        "Mail/1",
        {"accept": "image/*"},
    )
    assert before < hit.at < datetime.now(UTC) + timedelta(seconds=1)
    assert abs(parsedate_to_datetime(reply.headers["date"]) - hit.at) < timedelta(seconds=5)


@pytest.mark.parametrize("text", NOT_OURS)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_what_is_not_ours_under_the_pixel_path_is_a_pixel_and_no_hit(tracker, text, method):
    client = tracker.client()
    try:
        reply = client.get(b"/o/" + text, method=method)
    except ConnectionError:
        pytest.fail("no answer")
    if reply.status == 400:
        assert text == b"\xff\xfe\x80"  # no byte that a URL may hold (RFC 3986)
    else:
        assert is_pixel(reply, b"" if method == b"HEAD" else GIF)
    assert tracker.hits() == ()


@pytest.mark.parametrize("text", [*NOT_OURS, pytest.param(pixel().encode(), id="a pixel's token")])
def test_what_is_not_ours_under_the_link_path_is_a_page_that_repeats_nothing(tracker, text):
    reply = tracker.client().get(b"/c/" + text)
    assert reply.status == 400 or is_missing(reply)
    assert len(text) < 8 or text not in reply.body + reply.head
    assert tracker.hits() == ()


def test_a_links_token_under_the_pixel_path_is_a_pixel_and_no_hit(tracker):
    assert is_pixel(tracker.client().get(path(Kind.PIXEL, link())))
    assert tracker.hits() == ()


def test_a_link_leads_to_its_target_byte_for_byte(tracker):
    for key_id in (7, 8):
        reply = keep_out(tracker.client().get(path(Kind.LINK, link(key_id=key_id))))
        assert (reply.status, reply.body) == (302, b"")
        assert reply.headers["location"] == TARGET
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-robots-tag"] == "noindex"
        assert reply.headers["cache-control"] == "no-store, private, max-age=0"
        assert reply.headers["content-length"] == "0"
    assert [hit.token.target for hit in tracker.hits()] == [TARGET, TARGET]


def test_any_one_character_changed_in_a_link_leads_nowhere(tracker):
    client, text = tracker.client(), link(target="https://x.test/")
    for at in range(len(text)):
        spoilt = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert is_missing(client.get(path(Kind.LINK, spoilt)))
    assert tracker.hits() == ()


def test_a_revoked_key_leads_nowhere(start):
    tracker = start(keys=Keyring(keys={8: KEYS.keys[8]}, current=8))
    assert is_missing(tracker.client().get(path(Kind.LINK, link(key_id=7))))
    assert tracker.client().get(path(Kind.LINK, link(key_id=8))).status == 302


@pytest.mark.parametrize(
    "target",
    ["https://x.test/\r\nSet-Cookie: a=1", "javascript:alert(1)", "https://x.test/ b", "https://x.test/\x00", ""],
)
def test_not_even_our_own_signature_lets_a_bad_target_through(tracker, target):
    assert is_missing(tracker.client().get(path(Kind.LINK, link(target=target))))


def test_what_is_asked_after_the_token_changes_nothing(tracker):
    client = tracker.client()
    assert is_pixel(client.get(path(Kind.PIXEL, pixel()) + b"?utm_source=x&/c/"))
    assert client.get(path(Kind.LINK, link()) + b"?url=https://evil.test/").headers["location"] == TARGET
    assert client.get(b"http://t.test" + path(Kind.LINK, link()) + b"?u").headers["location"] == TARGET
    assert len(tracker.hits()) == 3


def test_head_gets_the_same_head_and_is_journalled_as_head(tracker):
    client = tracker.client()
    for at in (path(Kind.PIXEL, pixel()), path(Kind.LINK, link()), b"/nothing"):
        whole, head = client.get(at), client.get(at, method=b"HEAD")
        assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}
        assert head.status == whole.status
    assert [hit.method for hit in tracker.hits()] == ["GET", "HEAD"] * 2


@pytest.mark.parametrize(
    "method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH", b"PROPFIND", b"SEENBY", b"CONNECT"]
)
@pytest.mark.parametrize("where", [b"/o/", b"/c/", b"/"])
def test_other_methods_are_told_which_there_are(tracker, method, where):
    tail = {b"/o/": pixel().encode(), b"/c/": link().encode(), b"/": b""}[where]
    target = b"t.test:443" if method == b"CONNECT" else where + tail
    reply = keep_out(tracker.client().get(target, method=method, more=b"X-Secret: echo-me\r\n"))
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD"
    assert "location" not in reply.headers
    assert b"echo-me" not in reply.body
    assert tracker.hits() == ()


@pytest.mark.parametrize("where", [b"/c/" + link().encode(), b"/o/" + pixel().encode(), b"/u/x", b"/p/x"])
def test_a_body_is_never_forwarded_nor_read_as_a_request(tracker, where):
    client = tracker.client()
    inner = b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n"
    reply = client.get(where, method=b"POST", more=b"Content-Length: %d\r\n" % len(inner))
    client.send(inner)
    assert reply.status == (404 if where[:3] in (b"/u/", b"/p/") else 405)
    assert "location" not in reply.headers
    assert reply.headers["connection"] == "close"
    assert client.is_closed()
    assert tracker.hits() == ()


def test_a_get_with_a_body_is_answered_and_its_body_is_no_request(tracker):
    client = tracker.client()
    inner = b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n"
    for more in (b"Content-Length: %d\r\n" % len(inner), b"Transfer-Encoding: chunked\r\n"):
        client = tracker.client()
        client.send(b"GET /robots.txt HTTP/1.1\r\nHost: t\r\n" + more + b"\r\n" + inner)
        assert client.reply().status == 200
        assert client.is_closed()
    assert tracker.hits() == ()


def test_health_robots_and_the_rest(start):
    journal = MemoryJournal()
    client = start(journal).client()
    assert (client.get(b"/healthz").status, client.get(b"/healthz").body) == (200, b"ok\n")
    journal.healthy = False
    assert (client.get(b"/healthz").status, client.get(b"/healthz").body) == (503, b"journal\n")
    assert client.get(b"/robots.txt").body == b"User-agent: *\nDisallow: /\n"
    for at in (b"/o", b"/c", b"/favicon.ico", b"/u/x", b"/p/x", b"//c/", b"/C/" + link().encode(), b"*"):
        assert is_missing(client.get(at))
    front = client.get(b"/")
    assert (front.status, b"Nothing to see here" in front.body) == (200, True)


@pytest.mark.parametrize("level", Level)
def test_what_is_journalled_of_the_client_is_what_the_level_allows(tracker, level):
    more = b"User-Agent: Mail/1\r\nAccept: image/*\r\nReferer: https://mail.test/\r\n"
    assert is_pixel(tracker.client().get(path(Kind.PIXEL, pixel(level)), more=more))
    told = [(hit.address, hit.agent, dict(hit.headers)) for hit in tracker.hits()]
    assert (
        told
        == {
            Level.OFF: [],
            Level.COUNTED: [(None, None, {})],
            Level.IDENTIFIED: [("127.0.0.1", "Mail/1", {"accept": "image/*"})],
            Level.FULL: [("127.0.0.1", "Mail/1", {"accept": "image/*"})],
        }[level]
    )


@pytest.mark.parametrize(
    ("trusted", "address"), [((), "127.0.0.1"), ((ip_network("127.0.0.0/8"),), "192.0.2.9")], ids=["stranger", "proxy"]
)
def test_forwarded_addresses_are_believed_only_from_a_trusted_proxy(start, trusted, address):
    tracker = start(trusted_proxies=trusted)
    more = b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.9, garbage\r\n"
    tracker.client().get(path(Kind.PIXEL, pixel()), more=more)
    tracker.client().get(path(Kind.PIXEL, pixel()), more=more + b"Connection: close\r\n")
    assert [hit.address for hit in tracker.hits()] == [address, address]


def test_pipelined_requests_are_answered_in_order_whatever_each_is(tracker):
    wanted, sent = [], b""
    for number in range(300):
        status, at = [
            (200, path(Kind.PIXEL, pixel())),
            (302, path(Kind.LINK, link())),
            (404, b"/x"),
            (200, b"/healthz"),
        ][number % 4]
        wanted.append(status)
        sent += b"GET " + at + b" HTTP/1.1\r\nHost: t\r\n\r\n"
    client = tracker.client().send(sent)
    assert [client.reply().status for _ in wanted] == wanted
    assert len(tracker.hits()) == 150


def test_who_reads_late_gets_all_the_answers_and_others_get_theirs_meanwhile(tracker):
    many, client = 5000, tracker.client()
    asking = threading.Thread(target=client.send, args=(b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n" * many,))
    asking.start()
    other = tracker.client()
    for _ in range(100):
        assert is_pixel(other.get(path(Kind.PIXEL, pixel())))
    assert all(client.reply().status == 404 for _ in range(many))
    asking.join()


def test_a_request_may_come_in_any_pieces(tracker):
    whole = b"\r\nGET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\nX: y\r\n\r\n"
    client = tracker.client()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(1, len(whole)):
        client.send(whole[:at])
        time.sleep(0.001)
        client.send(whole[at:])
        assert is_pixel(client.reply())
    assert len(tracker.hits()) == len(whole) - 1


def test_http_1_0_gets_its_answer_and_an_end(tracker):
    for more in (b"", b"Connection: keep-alive\r\n"):
        client = tracker.client()
        reply = client.get(path(Kind.PIXEL, pixel()), version=b"1.0", more=more)
        assert is_pixel(reply)
        assert reply.headers["connection"] == "close"
        assert client.is_closed()


def test_a_connection_is_closed_when_the_client_asks_for_it(tracker):
    client = tracker.client()
    assert is_pixel(client.get(path(Kind.PIXEL, pixel()), more=b"Connection: close\r\n"))
    assert client.is_closed()


def test_a_client_that_stops_sending_still_gets_its_answer(tracker):
    client = tracker.client().send(b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert is_pixel(client.reply())
    assert client.is_closed()


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_head_may_be_as_long_as_the_limit_and_no_longer(tracker, over, status, pieces):
    start, end = b"GET /robots.txt HTTP/1.1\r\nHost: t\r\nX: ", b"\r\n\r\n"
    whole = start + b"y" * (REQUEST_BYTES + over - len(start) - len(end)) + end
    client = tracker.client()
    for at in range(0, len(whole), len(whole) // pieces + 1):
        client.send(whole[at : at + len(whole) // pieces + 1])
        time.sleep(0.02)
    assert client.reply().status == status
    assert status == 200 or client.is_closed()


def test_a_head_without_end_is_refused_at_the_limit(tracker):
    client = tracker.client().send(b"GET / HTTP/1.1\r\nX: " + b"y" * REQUEST_BYTES)
    assert client.reply().status == 431
    assert client.is_closed()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /robots.txt\r\n\r\n", 400),
        (b"GET /robots.txt HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /robots.txt HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /robots.txt HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /robots.txt HTTP/3.9\r\nHost: t\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_not_http_is_refused_and_hung_up_on(tracker, sent, status):
    client = tracker.client().send(sent)
    assert client.reply().status == status
    assert client.is_closed()


@pytest.mark.slow
def test_slow_senders_silent_ones_and_those_who_read_nothing_are_cut_off_while_others_are_served(start):
    tracker = start(request_seconds=1.0)
    silent, partial = tracker.client(), tracker.client().send(b"GET /o/x HTTP/1.1\r\n")
    idle = tracker.client()
    idle.get(b"/robots.txt")
    drip = tracker.client()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before connecting, else TCP itself comes to a halt
    deaf.connect(("127.0.0.1", tracker.port))
    deaf.settimeout(0.05)
    flood = b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n" * 200
    is_dripping, is_flooding = True, True
    busy = tracker.client()
    began = time.monotonic()
    while (is_dripping or is_flooding) and time.monotonic() < began + 15:
        try:
            drip.send(b"G")
        except ConnectionError:
            is_dripping = False
        try:
            deaf.send(flood)
        except TimeoutError:
            pass
        except ConnectionError:
            is_flooding = False
        assert is_pixel(busy.get(path(Kind.PIXEL, pixel())))
        time.sleep(0.02)
    deaf.close()
    assert not is_dripping
    assert not is_flooding
    assert silent.is_closed()
    assert partial.is_closed()
    assert idle.is_closed()


def test_without_a_journal_links_work_and_pixels_are_pixels():
    with running(None) as tracker:
        client = tracker.client()
        assert client.get(path(Kind.LINK, link())).headers["location"] == TARGET
        assert is_pixel(client.get(path(Kind.PIXEL, pixel())))
        assert client.get(b"/healthz").status == 200


def test_readers_are_served_when_the_journal_keeps_nothing(start):
    journal = MemoryJournal()
    journal.healthy = False
    client = start(journal).client()
    assert client.get(path(Kind.LINK, link())).headers["location"] == TARGET
    assert is_pixel(client.get(path(Kind.PIXEL, pixel())))
    assert journal.lost == 2


def test_readers_are_served_even_by_a_journal_that_raises(start):
    class Raising(MemoryJournal):
        def append(self, payloads, then):
            raise RuntimeError("this should not be")

    client = start(Raising()).client()
    assert client.get(path(Kind.LINK, link())).headers["location"] == TARGET
    assert is_pixel(client.get(path(Kind.PIXEL, pixel())))


def test_a_journal_that_raises_lets_no_answer_before_it_go_early(start):
    kept = []

    class RaisingAtTheSecond(MemoryJournal):
        def append(self, payloads, then):
            if self.kept_bytes:
                raise RuntimeError("this should not be")

            def soon():
                asyncio.get_running_loop().call_later(0.3, on_disk)

            def on_disk():
                kept.extend(payloads)
                then()

            super().append(payloads, soon)

    client = start(RaisingAtTheSecond()).client()
    head = b" HTTP/1.1\r\nHost: t\r\n\r\n"
    client.send(2 * (b"GET " + path(Kind.LINK, link()) + head))
    assert client.reply(has_body=False).headers["location"] == TARGET
    assert kept, "the first answer waited for its own hit"
    assert client.reply(has_body=False).headers["location"] == TARGET


def test_who_leaves_before_the_answer_is_journalled_all_the_same(tracker):
    for _ in range(50):
        client = tracker.client().send(b"GET " + path(Kind.PIXEL, pixel()) + b" HTTP/1.1\r\nHost: t\r\n\r\n")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert is_pixel(tracker.client().get(path(Kind.PIXEL, pixel())))


@pytest.mark.slow
def test_strangers_requests_never_break_an_answer_or_the_tracker(tracker):
    chance = random.Random(20261122)
    seeds = [
        b"GET /o/" + pixel().encode() + b" HTTP/1.1\r\nHost: t\r\nUser-Agent: a\r\n\r\n",
        b"GET /c/" + link().encode() + b"?x=1 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"HEAD /c/x HTTP/1.0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
        b"POST /c/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"GET http://t/o/%0d%0aX:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]
    bits = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"%0d%0aX-Bad: 1",
        b" ",
        b":",
        b"\xff",
        b"/../",
        b"HTTP/9.9",
        b"GET ",
        b"a" * 300,
    ]
    for _ in range(3000):
        sent = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(sent))
            sent[at : at + chance.randint(0, 3)] = chance.choice(bits)
        client = tracker.client().send(bytes(sent))
        client.socket.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := client.socket.recv(65_536):
                answer += data
        except ConnectionError:
            pass
        client.close()
        if answer:
            assert re.match(rb"HTTP/1\.1 (200|302|400|404|405|431) ", answer), sent
            head = answer.partition(b"\r\n\r\n")[0]
            assert b"x-bad" not in head.lower()
            assert all(re.fullmatch(rb"[A-Za-z-]+: [ -~]*", line) for line in head.split(b"\r\n")[1:]), sent
    assert is_pixel(tracker.client().get(path(Kind.PIXEL, pixel())))
