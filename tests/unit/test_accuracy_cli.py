"""`seenby accuracy`, `seed-mailbox` and `reply`: on a data folder at rest, and asked of a Seenby that runs on it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seenby.cli import app
from seenby.store import Store
from seenby.words.errors import SeenbyError
from tests.browser.lively import NOW, Mail, Person, add_mail, minutes
from tests.unit.test_report_cli import data
from tests.unit.test_web_attack import HELD, command_line, store

__all__ = ["data", "store"]
SEED = "nobody@seeds.test"


def run(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_seed_mailboxes_are_added_listed_and_removed(data: Path) -> None:
    assert run(data, "seed-mailbox", "list") == "There are no seed mailboxes.\n"
    assert run(data, "seed-mailbox", "add", SEED.upper()).startswith(f"{SEED}  since 20")
    assert [one["address"] for one in json.loads(run(data, "seed-mailbox", "list", "--json"))["seeds"]] == [SEED]
    assert "Seed mailboxes: 1" in run(data, "accuracy")
    assert json.loads(run(data, "accuracy", "--json"))["seed_mailboxes"] == 1
    assert run(data, "seed-mailbox", "remove", SEED) == "There are no seed mailboxes.\n"
    with pytest.raises(SeenbyError, match="is no seed mailbox"):
        run(data, "seed-mailbox", "remove", SEED)


def test_an_answer_is_told_of_once(data: Path) -> None:
    message = json.loads(run(data, "report", "m-news", "--json"))["message"]
    address = "reader0@out.test"
    with pytest.raises(SeenbyError, match=r"did not go to|no such message"):
        run(data, "reply", message, "nobody@else.test")
    with pytest.raises(SeenbyError, match="is no moment with its zone"):
        run(data, "reply", message, address, "--at", "2026-11-22T12:30")
    with pytest.raises(SeenbyError, match="no such message"):
        run(data, "reply", "<none@x.test>", address)


@pytest.mark.anyio
async def test_the_running_one_does_it_for_who_holds_the_key(store: Store) -> None:
    await add_mail(store, Mail(id="m-1", subject="x", ago=minutes(60), people=(Person(address="rita@out.test"),)))
    told = {"message": "m-1", "address": "rita@out.test", "at": (NOW - minutes(5)).isoformat()}
    async with command_line(store) as opened:
        for path, body in (
            ("seed-mailbox", {"what": "add", "address": SEED}),
            ("accuracy", {}),
            ("reply", told),
        ):
            refused = await opened.post(f"/control/{path}", json=body, headers={"Authorization": "Bearer x"})
            assert refused.status_code == 403
        added = await opened.post("/control/seed-mailbox", json={"what": "add", "address": SEED}, headers=HELD)
        assert [one["address"] for one in added.json()["seeds"]] == [SEED]
        wrong = await opened.post("/control/seed-mailbox", json={"what": "add", "address": "x"}, headers=HELD)
        assert (wrong.status_code, "no address" in wrong.json()["error"]) == (409, True)
        assert (await opened.post("/control/accuracy", json={}, headers=HELD)).json()["seed_mailboxes"] == 1
        assert (await opened.post("/control/reply", json=told, headers=HELD)).json()["is_new"]
        assert not (await opened.post("/control/reply", json=told, headers=HELD)).json()["is_new"]
        unknown = await opened.post("/control/reply", json=told | {"message": "m-2"}, headers=HELD)
        assert unknown.status_code == 409
        naive = await opened.post("/control/reply", json=told | {"at": "2026-11-22T10:00:00"}, headers=HELD)
        assert naive.status_code == 422
