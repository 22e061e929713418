"""Accounts: the first one, further ones, passwords shown once, links that work once; on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from seenby.accounts import AccountError, Accounts
from seenby.store import Store, people
from seenby.wiring import mint
from seenby.words.errors import SettingsError
from tests.house import ALICE, Clock, rows

pytestmark = pytest.mark.anyio
OWNER = "owner@acme.test"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(store: Store, clock: Clock) -> Accounts:
    return Accounts(store=store, app_url="http://a.test", now=clock, mint=mint)


async def password_opens(store: Store, address: str, password: str) -> bool:
    async with store.read() as tx:
        return await people.sender_with_password(tx, address=address, password=password) is not None


async def test_the_owner_is_made_once_and_their_password_told_once(accounts: Accounts, store: Store) -> None:
    password = await accounts.ensure_owner(OWNER)
    assert password
    assert await password_opens(store, OWNER, password)
    assert await accounts.ensure_owner(OWNER) is None
    assert await accounts.ensure_owner("another@acme.test") is None
    assert await accounts.owner() == OWNER


async def test_a_sender_made_before_the_first_start_becomes_its_owner_and_keeps_the_password(
    accounts: Accounts, store: Store
) -> None:
    told = await accounts.add_sender(OWNER)
    assert await accounts.owner() == ""
    assert await accounts.ensure_owner(OWNER) is None
    assert await accounts.owner() == OWNER
    assert await password_opens(store, OWNER, told["password"])
    assert len(await rows(store, "senders_of", team=(await rows(store, "first_team"))[0]["id"])) == 1


async def test_senders_made_before_and_after_are_of_one_team(accounts: Accounts, store: Store) -> None:
    await accounts.add_sender("before@acme.test")
    await accounts.ensure_owner(OWNER)
    await accounts.add_sender("after@acme.test")
    (team,) = await rows(store, "first_team")
    assert len(await rows(store, "senders_of", team=team["id"])) == 3


async def test_an_address_that_another_sender_writes_as_is_not_taken_from_them(
    accounts: Accounts, store: Store
) -> None:
    await accounts.add_sender(ALICE)
    (team,) = await rows(store, "first_team")
    (sender,) = await rows(store, "senders_of", team=team["id"])
    async with store.write() as tx:
        await tx.run("add_address", address="sales@acme.test", team=team["id"], sender=sender["id"])
    with pytest.raises(AccountError, match="belongs to another sender"):
        await accounts.add_sender("sales@acme.test")
    with pytest.raises(AccountError, match="belongs to another sender"):
        await accounts.ensure_owner("sales@acme.test")


async def test_a_second_time_is_an_error_unless_a_new_password_is_wanted(accounts: Accounts, store: Store) -> None:
    first = await accounts.add_sender("Alice@Acme.Test")
    assert first["user"] == ALICE
    with pytest.raises(AccountError, match=f"seenby sender add {ALICE} --new-password"):
        await accounts.add_sender(ALICE)
    second = await accounts.add_sender(ALICE, new_password=True)
    assert not await password_opens(store, ALICE, first["password"])
    assert await password_opens(store, ALICE, second["password"])


async def test_a_next_hop_is_kept_and_a_wrong_one_refused_without_its_password(
    accounts: Accounts, store: Store
) -> None:
    with pytest.raises(SettingsError, match="cannot be read") as told:
        await accounts.add_sender(ALICE, next_hop="smtp://u:hunter2@h.test:port")
    assert "hunter2" not in str(told.value)
    assert await rows(store, "first_team") == []
    hop = "smtp://u:p@h.test?tls=implicit"
    await accounts.add_sender(ALICE, next_hop=hop)
    async with store.read() as tx:
        sender = await people.sender_by_address(tx, ALICE)
    assert sender is not None
    assert sender.next_hop == hop


@pytest.mark.parametrize(
    "address", ["", "alice", "@acme.test", "a b@acme.test", "alice@", '"a"@acme.test', "a@[::1]", "x" * 300 + "@a.test"]
)
async def test_what_is_no_address_is_said_so(accounts: Accounts, address: str) -> None:
    for asked in (accounts.add_sender, accounts.ensure_owner):
        with pytest.raises(AccountError, match="write it as name@domain"):
            await asked(address)
    with pytest.raises(AccountError, match="There is no sender"):
        await accounts.sign_in_link(address)


async def test_a_sign_in_link_works_once_and_within_the_hour(accounts: Accounts, store: Store, clock: Clock) -> None:
    await accounts.add_sender(ALICE)
    links = [(await accounts.sign_in_link(ALICE))["link"].rpartition("/")[2] for _ in range(2)]
    assert (await accounts.sign_in_link("ALICE@acme.test"))["link"].startswith("http://a.test/sign-in/")

    async def opens(link: str, at: Any) -> bool:
        async with store.write() as tx:
            return await people.open_session(
                tx, people.Session(secret=mint(8), now=at, lasts=timedelta(days=1)), link=link
            )

    last = clock.at + timedelta(hours=1) - timedelta(microseconds=1)
    assert [await opens(links[0], last), await opens(links[0], last)] == [True, False]
    assert not await opens(links[1], clock.at + timedelta(hours=1))
    assert not await opens("made-up", clock.at)
