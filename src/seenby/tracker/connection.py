"""One connection: heads in, answers out, in order, each hit on disk before its answer leaves.

A stranger is at the other end: whatever it sends, nothing here raises, and whatever it does not send or
does not read, it is cut off when its time is up.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Final, cast

from seenby.journal import NOBODY, PackedClient, pack_client
from seenby.tracker.answers import NOT_UNSUBSCRIBED, REFUSED, UNSUBSCRIBED, Answer
from seenby.tracker.client import Told
from seenby.tracker.house import House
from seenby.tracker.request import BadRequest, read_plain, read_strictly
from seenby.tracker.turn import COMING, START, Owed
from seenby.words.client import client_address, is_trusted, plain_address
from seenby.words.limits import REQUEST_BYTES

END: Final = b"\r\n\r\n"
MOST_OWED: Final = 64  # pipelined requests in work; further ones wait unread
MOST_AT_ONCE: Final = 32  # of them are served before the other connections have their turn
MOST_UNREAD: Final = 16_384  # bytes of answers that wait here for a client which does not read them
LINGER_SECONDS: Final = 2.0  # so long what is still sent is thrown away, lest a reset overtakes the answer


class Connection(asyncio.Protocol):
    """The server's side of one connection."""

    __slots__ = (
        "_address", "_buffer", "_came", "_cut_at", "_house", "_is_deaf", "_is_paused", "_is_proxy", "_is_stuffed",
        "_lets_others", "_lingers", "_searched", "_since", "_transport", "_turn", "_usual", "behind", "client", "owed",
    )  # fmt: skip

    def __init__(self, house: House) -> None:
        self._house = house
        self._turn = house.turn
        self._came = house.turn.came.get
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._searched = 0
        self.owed: deque[Owed] = deque()
        self._since = house.now  # when the client's present duty began: to send a head
        self._cut_at: float | None = None  # when all is over, whatever is under way
        self._is_deaf = False  # the last request was read
        self._is_paused = False
        self._is_proxy = False
        self._is_stuffed = False  # its answers wait for it to read them
        self._lets_others = False  # it was served so much at once that it waits for its next turn
        self._lingers = False
        self._address = ""
        self._usual: bytes | tuple[()] = ()  # all behind the path in its last plain head; nothing ends with () yet,
        self.behind = 0  # where that begins, from the end,
        self.client = NOBODY  # and what it told of the client

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        transport = self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        if not self._house.let_in(self):
            transport.abort()
            return
        transport.set_write_buffer_limits(MOST_UNREAD)
        peer = transport.get_extra_info("peername")
        address = plain_address(peer[0]) if peer else None
        if address is not None:
            self._address = str(address)
            self._is_proxy = is_trusted(address, self._house.trusted_proxies)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """The client is gone. Its hits are kept all the same."""
        self._turn.work()
        self._transport = None
        self.owed.clear()
        self._buffer.clear()
        self._house.let_out(self)

    def data_received(self, data: bytes) -> None:
        """Most often the client's last head again, but for its path, with nothing owed: that is the turn's."""
        came = self._came(data[:START])
        if came is None or not data.endswith(self._usual) or self.owed or self._buffer or self._is_deaf:
            self._turn.work()  # it comes first
            self.serve(data)
            return
        if not self._turn.is_due:
            self._turn.begin()
        came.append((self, data))
        self.owed.append(COMING)

    def eof_received(self) -> bool:
        """The client sends nothing more; what it is owed it may still read."""
        self._turn.work()
        self._is_deaf = True
        return bool(self.owed)

    def pause_writing(self) -> None:
        """It does not read its answers. Nothing more is read from it until it does, for which it has so much time."""
        self._is_stuffed = True
        self._cut_off_in(self._house.request_seconds)
        self._mind_the_queue()

    def resume_writing(self) -> None:
        """It read them."""
        self._is_stuffed = False
        if not self._is_deaf:
            self._cut_at = None
            self._since = self._house.now
            self._read_on()

    # What the turn calls

    def serve(self, data: bytes) -> None:
        """Answer what was sent: one whole head, or whatever comes."""
        if self._is_deaf:
            return
        if not self._buffer:
            if self._serve_whole(data):
                if len(self.owed) >= MOST_OWED:
                    self._mind_the_queue()
                return
            self._since = self._house.now
        self._buffer += data
        self._read_on()

    def kept(self) -> None:
        """The oldest hit waited for is on disk, or lost and counted: its answer may go, and those behind it."""
        owed = self.owed
        if not owed:  # the client left in the meantime
            return
        text, is_last, _waits = owed.popleft()
        self._send(text, is_last=is_last)
        while owed and not owed[0][2]:
            text, is_last, _waits = owed.popleft()
            self._send(text, is_last=is_last)
        if self._is_deaf:
            if not owed:
                self._leave()
        elif self._buffer or self._is_paused:
            self._read_on()

    # What the house calls

    def is_overdue(self, now: float) -> bool:
        """Whether the client let its time pass."""
        if self._cut_at is not None:
            return now >= self._cut_at
        return not self.owed and now >= self._since + self._house.request_seconds

    def cut_off(self) -> None:
        """End it, unsent answers and all."""
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Read no further request; leave when nothing is owed, and linger no longer."""
        self._is_deaf = True
        self._lingers = False
        if not self.owed:
            self._leave()

    # Reading

    def _read_on(self) -> None:
        """Serve the heads in the buffer, as many as may be owed at a time, and a few before others have their turn."""
        buffer, served = self._buffer, 0
        while buffer and not self._is_deaf and not self._has_enough():
            if not self._searched and buffer.startswith(b"\r\n"):  # RFC 9112 2.2: an empty line before is forgiven
                del buffer[:2]
                continue
            end = buffer.find(END, max(0, self._searched - 3))
            length = end + 4 if end >= 0 else len(buffer)
            if length > REQUEST_BYTES:
                self._refuse(431)
            elif end >= 0:
                head = bytes(buffer[:length])
                del buffer[:length]
                self._searched = 0
                self._since = self._house.now
                self._serve_head(head)
                served += 1
                if served >= MOST_AT_ONCE:
                    self._let_others()
            elif not (65 <= buffer[0] <= 90 or buffer == b"\r"):  # a method begins with a capital letter
                self._refuse(400)
            else:
                self._searched = len(buffer)
                break
        self._mind_the_queue()

    def _let_others(self) -> None:
        self._lets_others = True
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._lets_others = False
        self._read_on()

    def _has_enough(self) -> bool:
        """Whether what it asks further is to wait: for its answers, for it to read them, or for others' turn."""
        return self._lets_others or self._is_stuffed or len(self.owed) >= MOST_OWED

    def _mind_the_queue(self) -> None:
        """Stop reading while it has enough, and go on after."""
        is_full = self._has_enough() and not self._is_deaf
        if is_full != self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = is_full
            if is_full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _serve_whole(self, data: bytes) -> bool:
        """Serve `data` if it is one whole head."""
        if not data.find(END) == len(data) - 4 >= 0 or len(data) > REQUEST_BYTES:
            return False
        self._serve_head(data)
        return True

    def _serve_head(self, head: bytes) -> None:
        plain = read_plain(head)
        if plain is not None:
            self._usual = head[head.find(b" ", 4) :]
            self.behind = -len(self._usual)
            self.client = self._packed(plain[1])
            self._serve("GET", plain[0], self.client, is_last=False)
            return
        request = read_strictly(head)
        if isinstance(request, BadRequest):
            self._refuse(request.status)
            return
        self._lingers = request.has_body
        wish = self._house.door.wish(request.method, request.path)
        if wish is not None:
            self._unsubscribe(wish, is_last=request.is_last)
            return
        self._serve(request.method, request.path, self._packed(request.told), is_last=request.is_last)

    def _refuse(self, status: int) -> None:
        self._lingers = True
        self._buffer.clear()
        self._answer(REFUSED[status], is_last=True, is_head=False)

    # Answering

    def _serve(self, method: str, path: bytes, client: PackedClient, *, is_last: bool) -> None:
        answer, raw = self._house.door.answer(method, path)
        if raw is None:
            self._answer(answer, is_last=is_last, is_head=method == "HEAD")
        else:
            self._keep(answer, raw, method, client, is_last=is_last)

    def _keep(self, answer: Answer, raw: bytes, method: str, client: PackedClient, *, is_last: bool) -> None:
        """A hit: it goes into the journal, and when it is on disk its answer goes."""
        house = self._house
        record = house.record(raw, method, client)
        if record is None:
            self._answer(answer, is_last=is_last, is_head=method == "HEAD")
            return
        text = answer.on_the_wire(house.second, is_last=is_last, is_head=method == "HEAD")
        self._owe(text, is_last, house.keep([record], self.kept))

    def _unsubscribe(self, raw: bytes, *, is_last: bool) -> None:
        """Somebody wants no more mail: they are told that it is done when it is on disk, and else that it is not."""
        house = self._house
        record = house.record(raw, "POST", NOBODY)
        if record is None or house.journal is None:
            self._answer(NOT_UNSUBSCRIBED, is_last=is_last, is_head=False)
            return
        owed = (UNSUBSCRIBED.on_the_wire(house.second, is_last=is_last), is_last, True)
        if not house.keep([record], partial(self._wish_kept, owed, house.journal.lost)):
            self._answer(NOT_UNSUBSCRIBED, is_last=is_last, is_head=False)
            return
        self._is_deaf = self._is_deaf or is_last
        self.owed.append(owed)

    def _wish_kept(self, owed: Owed, lost: int) -> None:
        """It is on disk, if nothing was lost since it was taken in. In doubt we do not claim it."""
        house = self._house
        if house.journal is None or house.journal.lost != lost:
            is_last = owed[1]
            text = NOT_UNSUBSCRIBED.on_the_wire(house.second, is_last=is_last)
            self.owed = deque((text, is_last, True) if one is owed else one for one in self.owed)
        self.kept()

    def _packed(self, told: Told) -> PackedClient:
        """What is kept of the client: its address is the peer's, unless that is a trusted proxy and names another."""
        address = self._address
        if self._is_proxy and told.forwarded:
            address = client_address(address, told.forwarded, self._house.trusted_proxies)
        return pack_client(address, told.agent, told.headers)

    def _answer(self, answer: Answer, *, is_last: bool, is_head: bool) -> None:
        """Send what waits for no disk, after all that is owed before it."""
        self._house.answers[answer.status] += 1
        self._owe(answer.on_the_wire(self._house.second, is_last=is_last, is_head=is_head), is_last, False)  # noqa: FBT003

    def _owe(self, text: bytes, is_last: bool, waits: bool) -> None:  # noqa: FBT001 - for speed
        """Send `text` when all before it is sent, and its own hit is on disk if it waits for one."""
        if is_last:
            self._is_deaf = True
        if waits or self.owed:
            self.owed.append((text, is_last, waits))
        else:
            self._send(text, is_last=is_last)

    def _send(self, text: bytes, *, is_last: bool) -> None:
        self._since = self._house.now
        transport = self._transport
        if transport is None or transport.is_closing():  # uvloop raises at a write to a closed transport
            return
        transport.write(text)
        if is_last:
            self._leave()

    def _leave(self) -> None:
        """All is answered. Close, or say that we are through and wait a little while the client is still sending."""
        transport = self._transport
        if transport is None or transport.is_closing() or (self._lingers and self._cut_at is not None):
            return
        if self._lingers:
            self._cut_off_in(LINGER_SECONDS)
            transport.write_eof()
        else:
            self._cut_off_in(self._house.request_seconds)
            transport.close()

    def _cut_off_in(self, seconds: float) -> None:
        if self._cut_at is None:
            self._cut_at = self._house.now + seconds
