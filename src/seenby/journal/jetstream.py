"""The draining side over the bus: any number of workers take pieces, each piece goes to one of them.

A piece stays with the worker for a while; what is not settled by then, because the worker died or the
store was away, comes again to whoever asks. The tracker that sent it is told before the bus is, so that it
hears of everything that the bus lets go of.
"""

import time
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Final

from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from seenby.journal.bus import FAULTS, Bus, Link
from seenby.journal.piece import Piece, Place, pack_places, read_piece
from seenby.journal.port import Batch
from seenby.journal.record import unpack_hit
from seenby.journal.seal import Seal, Sealed
from seenby.journal.segment import writer_of
from seenby.words.hit import Hit

CONSUMER: Final = "store"
LEASE_SECONDS: Final = 15.0  # a dead worker's pieces come again after this
FETCH_PIECES: Final = 16  # held in memory at the most
FETCH_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 5.0  # without a piece for so long, look whether the bus still knows us


class JetStreamReader:
    """Reader of what movers sent over `bus`. Close it, so that others need not wait for what it holds."""

    def __init__(self, bus: Bus, seal: Seal, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._bus = bus
        self._seal = seal
        self._lease = lease_seconds
        self._link: Link | None = None
        self._pulling: JetStreamContext.PullSubscription | None = None
        self._held: deque[tuple[Msg, Piece]] = deque()
        self._claimed: list[tuple[Msg, Piece]] = []
        self._claim_ends = 0.0
        self._looked = 0.0
        self._torn: list[str] = []

    async def claim(self, done: Mapping[str, int], *, limit: int) -> Batch:  # noqa: ARG002 - the bus knows how far
        """Whole pieces with about `limit` hits; until they are settled, the same again for as long as the lease runs.

        Without a bus there is nothing to take.
        """
        link = await self._bus.link()
        if link is None:
            return Batch()
        try:
            if link is not self._link:
                await self._attach(link)
            if not self._claimed or time.monotonic() > self._claim_ends:
                self._claimed.clear()
                if not self._held:
                    await self._fetch()
                self._share(limit)
        except FAULTS as error:
            await self._bus.lose(error)
            return Batch()
        return self._batch()

    async def settle(self, done: Mapping[str, int]) -> tuple[str, ...]:  # noqa: ARG002 - the bus knows how far
        """Tell the trackers that the store has what was claimed, then the bus. Whoever is not told sends it again."""
        claimed, self._claimed = self._claimed, []
        places: defaultdict[str, list[Place]] = defaultdict(list)
        for _message, piece in claimed:
            places[writer_of(piece.segment)].append(piece.place)
        link = self._link
        if link is None or not claimed:
            return ()
        try:
            for writer, stored in places.items():
                await link.client.publish(
                    self._bus.stored(writer), self._seal.close(Sealed.STORED, pack_places(stored))
                )
            for message, _piece in claimed:
                await message.ack()
        except FAULTS as error:
            await self._bus.lose(error)
        return ()

    async def aclose(self) -> None:
        """Give back what is held, and let go of the bus."""
        held = [*self._claimed, *self._held]
        self._claimed.clear()
        self._held.clear()
        try:
            for message, _piece in held:
                await message.nak()
            if self._link is not None and held:
                await self._link.client.flush(1)
        except FAULTS:
            pass  # then they come back when the lease ends
        await self._bus.close()

    async def _attach(self, link: Link) -> None:
        """Begin anew: what came over another connection can be neither settled nor given back over this one."""
        self._claimed.clear()
        self._held.clear()
        self._pulling = await link.stream.pull_subscribe(
            self._bus.hits,
            durable=CONSUMER,
            stream=self._bus.name,
            config=api.ConsumerConfig(
                ack_policy=api.AckPolicy.EXPLICIT,
                deliver_policy=api.DeliverPolicy.ALL,
                ack_wait=self._lease,
                max_deliver=-1,
            ),
        )
        self._link = link
        self._looked = time.monotonic()

    async def _fetch(self) -> None:
        assert self._pulling is not None
        try:
            messages = await self._pulling.fetch(FETCH_PIECES, timeout=FETCH_SECONDS)
        except TimeoutError:
            await self._look()
            return
        self._looked = time.monotonic()
        self._claim_ends = time.monotonic() + self._lease / 2
        for message in messages:
            opened = self._seal.open(Sealed.PIECE, message.data)
            piece = read_piece(opened) if opened is not None else None
            if piece is None:
                # What a tracker really sent, with a key that we do not have yet, it sends again.
                self._torn.append("the bus: a message is no piece that one of our trackers sealed; it was dropped")
                await message.term()
            else:
                self._held.append((message, piece))

    async def _look(self) -> None:
        """Whether our consumer is still there: who deletes a stream does not tell."""
        assert self._pulling is not None
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            await self._pulling.consumer_info()

    def _share(self, limit: int) -> None:
        """Claim pieces as far as `limit` goes, and one at least."""
        if time.monotonic() > self._claim_ends:
            self._held.clear()  # they are on their way to somebody else
        room = limit
        while self._held and (not self._claimed or len(self._held[0][1].payloads) <= room):
            self._claimed.append(self._held.popleft())
            room -= len(self._claimed[-1][1].payloads)

    def _batch(self) -> Batch:
        hits: list[Hit] = []
        torn, self._torn = self._torn, []
        for _message, piece in self._claimed:
            found = [hit for hit in map(unpack_hit, piece.payloads) if hit is not None]
            if bad := len(piece.payloads) - len(found):
                torn.append(f"{piece.segment}: {bad} records hold no hit; they were left out")
            hits += found
        return Batch(hits=tuple(hits), torn=tuple(torn))
