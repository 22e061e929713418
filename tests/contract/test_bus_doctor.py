"""What `seenby doctor` says of NATS."""

import re
from collections.abc import Iterator

import nats
import pytest
from nats.js import api

from seenby import doctor
from seenby.settings import Settings
from tests.conftest import require
from tests.nats import NatsServer, nats_binary, running_nats

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[NatsServer]:
    require(nats_binary(), "nats-server")
    with running_nats(config='http: "127.0.0.1:-1"') as started:
        yield started


async def finding(url: str, *, monitoring: int = 1) -> doctor.Finding:
    [found] = [one async for one in doctor._bus(Settings(nats_url=url), monitoring=monitoring)]
    return found


def monitoring_of(server: NatsServer) -> int:
    found = re.search(r"Starting http monitor on 127\.0\.0\.1:(\d+)", (server.folder / "log").read_text())
    assert found
    return int(found[1])


async def test_it_says_whether_nats_syncs_always_when_that_can_be_known(server: NatsServer) -> None:
    assert (await finding(server.url)).mark == "note"
    assert (await finding(server.url, monitoring=monitoring_of(server))).mark == "good"
    server.kill()
    with running_nats(config='http: "127.0.0.1:-1"', sync="2m") as lax:
        found = await finding(lax.url, monitoring=monitoring_of(lax))
    assert found.mark == "wrong"
    assert "sync_interval" in found.cure


async def test_a_nats_that_is_away_or_refuses_us_is_told_without_the_password(server: NatsServer) -> None:
    server.kill()
    away = await finding(server.url.replace("//", "//u:hunter2@"))
    assert (away.mark, "ConnectionRefusedError" in away.what) == ("wrong", True)
    with running_nats(config='authorization { user: "u", password: "right" }') as strict:
        refused = await finding(strict.url.replace("//", "//u:hunter2@"))
    assert refused.mark == "wrong"
    assert "hunter2" not in away.what + away.cure + refused.what + refused.cure


async def test_a_stream_that_may_drop_hits_is_wrong(server: NatsServer) -> None:
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(api.StreamConfig(name="seenby", subjects=["seenby.hits"]))
    await client.close()
    found = await finding(server.url)
    assert (found.mark, "SEENBY_NATS_STREAM" in found.cure) == ("wrong", True)
