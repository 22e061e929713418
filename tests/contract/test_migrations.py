"""A store of an earlier version is brought to this one's form with everything it holds, and back."""

from importlib.resources import files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from seenby import flow
from seenby.store import Store
from tests.house import RITA, Clock, add_sender, make_house, rows, submitted

pytestmark = pytest.mark.anyio


def to_version(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("seenby.store").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.downgrade(config, version)


async def test_mail_of_the_first_version_is_sent_by_this_one(store: Store) -> None:
    house = make_house(store, clock=Clock())
    sender = await add_sender(house)
    message = await submitted(house, sender)
    async with store.write() as tx:
        await tx.connection.run_sync(to_version, "0001")
    await store.upgrade()
    await store.upgrade()  # twice is once
    [kept] = await rows(store, "message", id=message, team=sender.team)
    assert (kept["wishes"], kept["unsubscribe"], kept["subject"]) == ("", 0, "Our offer")
    assert await rows(store, "unsubscribed", team=sender.team, limit=9) == []
    await flow.send(house, hop="")
    [copy] = await rows(store, "caught_list", team=sender.team, before=2**62, limit=9)
    assert copy["address"] == RITA
