"""Who unsubscribed is refused at RCPT, in words that say what to do; everybody else gets the message."""

import asyncio
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from seenby.store import unsubscribed
from tests.smtp.test_gateway import ALICE, MAIL, RITA, Door

ROB = "rob@out.test"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path / "data")
    made.start()
    yield made
    made.close()


def leave(door: Door, address: str) -> None:
    async def put() -> None:
        assert door.house is not None
        async with door.house.store.write() as tx:
            team = await tx.one("first_team")
            assert team is not None
            await unsubscribed.put(tx, team=team["id"], address=address, message="m", at=datetime.now(UTC))

    asyncio.run_coroutine_threadsafe(put(), door.loop).result(20)


@pytest.mark.parametrize("written", [RITA, "Rita@OUT.test"], ids=["as kept", "in capitals"])
def test_who_unsubscribed_is_refused_and_the_others_are_not(door: Door, written: str) -> None:
    leave(door, RITA)
    with door.client() as client:
        refused = client.sendmail(ALICE, [written, ROB], MAIL)
    [(code, words)] = refused.values()
    assert code == 550
    assert words.startswith(b"5.7.1 They unsubscribed from your team's mail")
    assert b"Write again" in words
    assert len(words) < 500  # RFC 5321 4.5.3.1.5
    assert door.accepted() == 1


def test_without_anybody_left_to_write_to_nothing_is_taken(door: Door) -> None:
    leave(door, RITA)
    with door.client() as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail(ALICE, [RITA], MAIL)
    assert door.accepted() == 0


def test_a_store_that_cannot_be_asked_is_a_reason_to_wait_and_not_to_send(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: Any, **_values: Any) -> bool:
        raise OperationalError("select", {}, Exception("disk"))

    monkeypatch.setattr("seenby.store.unsubscribed.refuses", broken)
    with door.client() as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(ALICE, [RITA], MAIL)
    assert refused.value.recipients[RITA][0] == 451
