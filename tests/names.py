"""A DNS server on the loopback, over UDP and TCP, that answers as it is told, or never."""

import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SILENCE: Final = b""
Answer = Sequence[str] | bytes | None  # MX records; a wire that goes out as it is; None: there is no such name


@dataclass(slots=True)
class Names:
    """What the server says of each name, and every name that it was asked for."""

    answers: Mapping[str, Answer]
    asked: list[str] = field(default_factory=list)
    port: int = 0
    most_at_once: int = 0

    def resolver(self) -> dns.asyncresolver.Resolver:
        """A resolver that asks here and nowhere else."""
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        return made

    def reply(self, wire: bytes, *, over_udp: bool) -> bytes:
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        text = name.to_text(omit_final_dot=True)
        self.asked.append(text)
        said = self.answers.get(text)
        if isinstance(said, bytes):
            return wire[:2] + said if said else SILENCE  # with the query's own id, or it would not be looked at
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if said is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif said:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *said))
        try:
            return answer.to_wire(max_size=1232 if over_udp else 65_535)
        except dns.exception.TooBig:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            return answer.to_wire()


@contextmanager
def names(answers: Mapping[str, Answer]) -> Iterator[Names]:
    """A running server."""
    made = Names(answers)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, door = self.request
            if said := made.reply(wire, over_udp=True):
                door.sendto(said, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            wire = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
            said = made.reply(wire, over_udp=False)
            with suppress(OSError):
                self.wfile.write(len(said).to_bytes(2, "big") + said)

    servers = _pair(Udp, Tcp)
    made.port = servers[0].server_address[1]
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _pair(udp: type, tcp: type) -> list[Any]:
    """Both servers on one port that is free for either."""
    while True:
        first = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp)
        try:
            return [first, socketserver.ThreadingTCPServer(("127.0.0.1", first.server_address[1]), tcp)]
        except OSError:
            first.server_close()
