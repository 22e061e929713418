"""Somebody who is signed in elsewhere, with every id that there is: nothing of a team is seen, and nothing changes.

Every route is asked, whichever there are, with ids in its path, its question and its form. What would only be a
colleague's is tried in the same way by a member of the team.
"""

import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

import httpx2
import pytest
from fastapi.openapi.utils import get_openapi
from sqlalchemy import select, text

from seenby.store import Store, Transaction, unsubscribed
from seenby.store.tables import METADATA
from seenby.store.times import micros
from seenby.web import make_app
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW, OTHER_TEAM, RITA, TEAM, Mail, Person, add_mail, sign_in_link
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
# Words that stand in what Alice wrote: in what her team may read, and in what is hers alone. Nobody types them here.
TEAMS, HERS = "kestrel", "merlin"
SEEN: Final = (TEAMS, HERS, "autumn campaign", "Rita Sommer", "pilot group", "Bob Blue")
APP: Final = "https://app.test"
ENDPOINT: Final = "https://fcm.googleapis.com/fcm/send/x"
# Not asked: a stream that never ends, and what asks the network or other programs.
LEFT: Final = ("/live", "/settings/tracking/checks", "/settings/next-hop/test", "/settings/writing/mailbox")
# What is one's own, and nobody else's in the team; and what only its owner changes.
PERSONAL: Final = (
    "drafts",
    "attachments",
    "templates",
    "saved_filters",
    "saved_reports",
    "reminders",
    "preferences",
    "push_subscriptions",
    "passkeys",
    "identities",
    "sessions",
    "sign_in_links",
    "senders",
    "addresses",
)
OWNERS: Final = ("teams", "team_domains", "own_networks", "admin_log")


@dataclass(slots=True, kw_only=True)
class Known:
    """Every id that an attacker has come to know, by the name that routes give it."""

    ids: dict[str, list[str]] = field(default_factory=dict)

    def of(self, name: str) -> list[str]:
        return self.ids.get(name, [])

    def add(self, name: str, *values: str) -> None:
        self.ids.setdefault(name, []).extend(values)


async def written_by_alice(alice: httpx2.AsyncClient, store: Store) -> None:
    """One of everything, as the pages make it."""

    async def post(path: str, **form: Any) -> None:
        answer = await alice.post(path, data=form, headers=OURS)
        assert answer.status_code in (200, 204, 303), (path, answer.status_code)

    mail = Mail(
        id="m-birds",
        subject="About kestrels",
        ago=NOW - NOW,
        people=(Person(address="kay@customer.test", name="Kay Kestrel"),),
    )
    await add_mail(store, mail, now=NOW)
    await post("/labels", message="m-offer", label="sold")
    await post("/filters?words=offer", name="my merlin list")
    await post(f"/people/{RITA}/note", text="likes kestrels")
    await post("/remind", message="m-offer", days=3, unless="answered")
    await post("/watch", message="m-news")
    await post("/accuracy/seeds", address="seed@probe.test")
    await post("/settings/judge/networks", network="203.0.113.0/24", name="kestrel office")
    await post("/settings/domains", domain="falcon.test")
    await post("/settings/team/name", name="The kestrels")
    await post("/settings/addresses", address="extra@blue.test")
    await post("/settings/writing/signature", html="<p>merlin signed</p>", text="")
    await post("/settings/notifications", digest="08:00", zone="Europe/Berlin")
    await post("/reports/saved", name="merlin month", query="?days=30", every="day", form="csv", mail_to=ALICE)
    for shared, name in (("", "merlin template"), ("1", "kestrel template")):
        draft = f"template-{len(shared)}000"
        await post("/templates", draft=draft, name=name, subject=name, html=f"<p>{name}</p>", shared=shared)
    letter = {"from": ALICE, "to": RITA, "subject": "merlin draft", "html": "<p>merlin</p>"}
    for draft in ("draft-0001", "draft-gone", "draft-goes"):
        await post("/compose/save", draft=draft, **letter)
    files = {"file": ("merlin.txt", b"merlin", "text/plain")}
    await alice.post("/compose/files", data={"draft": "draft-0001"}, files=files, headers=OURS)
    await post("/drafts/delete", draft="draft-gone")
    await post("/compose/send", draft="draft-goes", **letter)
    await post("/settings/notifications/browsers", endpoint=ENDPOINT, p256dh="B" * 86 + "A", auth="A" * 22)
    own = {"team": TEAM, "sender": f"id-{ALICE}", "made_at": micros(NOW)}
    async with store.write() as tx:
        await unsubscribed.put(tx, team=TEAM, address="left@customer.test", message="m-offer", at=NOW)
        for name, row in (
            ("passkeys", {"id": "key-0001", "public_key": b"", "sign_count": 0, "name": "merlin key"}),
            ("identities", {"issuer": "https://id.test", "subject": "merlin"}),
        ):
            await tx.connection.execute(METADATA.tables[name].insert().values(own | row))


async def known(store: Store) -> Known:
    """All of the team's ids."""
    found = Known()

    async def column(table: str, name: str) -> list[str]:
        async with store.read() as tx:
            rows = await tx.connection.execute(text(f"select {name} from {table} where team = :t"), {"t": TEAM})
            return [str(row[0]) for row in rows]

    messages = ["m-offer", "m-birds", "m-bounce"]
    found.add("message", *messages)
    found.add("message_id", *messages)
    found.add("reply", *messages)
    found.add("recipient", "m-offer-0", "m-birds-0")
    found.add("hit", "m-offer-hit-0", "m-offer-hit-5")
    found.add("draft", *await column("drafts", "id"), *await column("templates", "id"))
    found.add("template", *await column("templates", "id"))
    found.add("remove", *await column("attachments", "id"))
    found.add("id", *await column("saved_filters", "id"), *await column("saved_reports", "id"))
    found.add("passkey", *await column("passkeys", "id"))
    found.add("browser", *await column("sessions", "hash"))
    found.add("member", f"id-{ALICE}", f"id-{BOB}")
    found.add("who", f"id-{ALICE}", "everyone")
    found.add("address", RITA, ALICE, "extra@blue.test", "left@customer.test", "seed@probe.test")
    found.add("domain", "customer.test", "blue.test", "falcon.test")
    found.add("network", "203.0.113.0/24")
    found.add("label", "sold")
    found.add("thread", "t-offer")
    found.add("cut", "when", "programs", "where", "filtered", "days")
    found.add("rest", "x")
    found.add("link", "link-nobody")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A method and path of the app, with the names that its question may have."""

    method: str
    route: str
    names: tuple[str, ...]


def routes(store: Store) -> Iterator[Asked]:
    """All of them; what changes something last."""
    spec = get_openapi(title="", version="", routes=make_app(parts_of(store)).routes)
    for path, methods in sorted(spec["paths"].items()):
        for method, told in sorted(methods.items()):
            names = tuple(one["name"] for one in told.get("parameters", ()) if one["in"] == "query")
            if not path.startswith(LEFT) and method in ("get", "post"):
                yield Asked(method=method.upper(), route=path, names=names)


def paths(path: str, found: Known) -> Iterator[str]:
    """A route's path with every id in its places."""
    places = re.findall(r"\{(\w+)(?::path)?\}", path)
    for values in product(*(found.of(place) or ["x"] for place in places)):
        filled = path
        for place, value in zip(places, values, strict=True):
            filled = re.sub(rf"\{{{place}(:path)?\}}", value, filled)
        yield filled


TYPED: Final[Mapping[str, str]] = {
    "text": "gotcha", "label": "sold", "back": "/?", "days": "3", "unless": "nothing", "sure": "ERASE",
    "what": "me", "view": "certain", "role": "member", "name": "gotcha", "subject": "gotcha", "html": "<p>gotcha</p>",
    "to": RITA, "from": CHARLIE, "why": "they asked", "they_asked": "true", "query": "?days=7", "pixels": "0",
    "every": "day", "form": "csv", "mail_to": CHARLIE, "words": "kestre", "find": "kestre", "shape": "x",
    "thread": "t-offer", "before": str(2**50), "beside": "sold", "endpoint": ENDPOINT, "shared": "1",
    "links": "0", "new": "correct horse battery", "again": "correct horse battery", "undo": "true", "said": "x",
}  # fmt: skip


def forms(found: Known) -> Iterator[dict[str, str]]:
    """Every name that a form has, each time with other ids."""
    for number in range(max(map(len, found.ids.values()))):
        yield {**TYPED, **{name: values[number % len(values)] for name, values in found.ids.items()}}


def questions(one: Asked, found: Known) -> Iterator[dict[str, str]]:
    """Nothing, and each name by itself with each id."""
    yield {}
    for name in one.names:
        for value in found.of(name) or ([TYPED[name]] if name in TYPED else []):
            yield {name: value}


async def everything(store: Store, *tables: str, but: str = CHARLIE) -> set[tuple[object, ...]]:
    """All rows of these tables, or of all of them, that are not the attacker's own."""
    rows = set[tuple[object, ...]]()
    for table in METADATA.sorted_tables:
        if table.name in ("alembic_version", "challenges") or (tables and table.name not in tables):
            continue
        async with store.read() as tx:
            for row in (await tx.connection.execute(table.select())).mappings():
                if OTHER_TEAM in (row.get("team"), row.get("id")) or f"id-{but}" in (row.get("sender"), row.get("id")):
                    continue
                rows.add((table.name, *map(repr, row.values())))
    return rows


async def strays(store: Store) -> set[tuple[str, str]]:
    """Rows of the other team's that hang on a message, a hit or a draft of this one."""
    found = set[tuple[str, str]]()
    async with store.read() as tx:
        ours = {row["id"] for name in ("messages", "hits", "drafts", "recipients") for row in await _of_team(tx, name)}
        for table in METADATA.sorted_tables:
            if "team" not in table.c:
                continue
            for row in (await tx.connection.execute(table.select().where(table.c.team == OTHER_TEAM))).mappings():
                hung = [row.get(name) for name in ("message", "hit", "draft", "recipient")]
                found |= {(table.name, str(one)) for one in hung if one in ours}
    return found


async def _of_team(tx: Transaction, name: str) -> Sequence[Mapping[Any, Any]]:
    table = METADATA.tables[name]
    known = METADATA.tables["messages"]
    where = (
        table.c.team == TEAM
        if "team" in table.c
        else table.c.message.in_(select(known.c.id).where(known.c.team == TEAM))
    )
    return (await tx.connection.execute(table.select().where(where))).mappings().all()


async def attack(client: httpx2.AsyncClient, store: Store, who: str, *, canaries: tuple[str, ...]) -> set[str]:
    """Ask everything with everything; what was shown that should not have been, and what broke."""
    found, told = await known(store), set[str]()
    for one in sorted(routes(store), key=lambda one: one.method):
        for path in paths(one.route, found):
            for typed in questions(one, found) if one.method == "GET" else forms(found):
                rest = {"params": typed} if one.method == "GET" else {"data": typed}
                answer = await client.request(one.method, path, headers=OURS, **rest)  # type: ignore[arg-type]
                shown = answer.text.replace("<wbr>", "")
                told |= {f"{one.method} {one.route} {word}" for word in canaries if word in shown}
                if answer.status_code >= 500:
                    told.add(f"{one.method} {path}: {answer.status_code}")
                if one.route == "/sign-out" or one.route.startswith("/settings/sign-in"):
                    await client.get(await sign_in_link(store, who, link=secrets.token_hex(8)))
    return told


@asynccontextmanager
async def signed_in(store: Store, who: str) -> AsyncIterator[httpx2.AsyncClient]:
    """By TLS, without which there are no passkeys."""
    async with browser(replace(parts_of(store), app_url=APP), base=APP) as opened:
        await sign_in(opened, store, who)
        yield opened


@pytest.fixture
async def alice(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with signed_in(team, ALICE) as opened:
        await written_by_alice(opened, team)
        yield opened


@on_both
async def test_another_team_sees_and_changes_nothing(team: Store, alice: httpx2.AsyncClient) -> None:
    before = await everything(team)
    async with signed_in(team, CHARLIE) as charlie:
        assert await attack(charlie, team, CHARLIE, canaries=SEEN) == set()
    assert await everything(team) ^ before == set()
    assert await strays(team) == set()


@on_both
async def test_a_colleague_sees_and_changes_nothing_that_is_hers_alone(team: Store, alice: httpx2.AsyncClient) -> None:
    before = await everything(team, *PERSONAL, *OWNERS, but=BOB)
    async with signed_in(team, BOB) as bob:
        assert await attack(bob, team, BOB, canaries=(HERS,)) == set()
        assert "About kestrels" in (await bob.get("/?words=kestrel")).text, "what is the team's is his as well"
    assert await everything(team, *PERSONAL, *OWNERS, but=BOB) ^ before == set()


@on_both
async def test_nobody_writes_in_another_team_s_name(team: Store) -> None:
    async def own(who: str) -> set[str]:
        async with team.read() as tx:
            return {row["address"] for row in await tx.all("addresses_of", sender=f"id-{who}")}

    async with signed_in(team, CHARLIE) as charlie:
        for address in ("ceo@blue.test", "CEO@Blue.Test", "ceo@elsewhere.test", "charlie@gmail.com"):
            await charlie.post("/settings/addresses", data={"address": address}, headers=OURS)
        assert await own(CHARLIE) == {CHARLIE, "ceo@elsewhere.test", "charlie@gmail.com"}
        said = await charlie.post("/settings/team/add", data={"address": "ceo@blue.test"}, headers=OURS)
        assert "blue.test is another team" in said.text
        await charlie.post(
            "/settings/domains", data={"domain": "blue.test"}, headers=OURS
        )  # calling it theirs is no way
        await charlie.post("/settings/addresses", data={"address": "ceo@blue.test"}, headers=OURS)
        assert await own(CHARLIE) == {CHARLIE, "ceo@elsewhere.test", "charlie@gmail.com"}
    async with signed_in(team, ALICE) as alice:
        await alice.post("/settings/addresses", data={"address": "ceo@blue.test"}, headers=OURS)
        assert await own(ALICE) == {ALICE, "ceo@blue.test"}
        said = await alice.post("/settings/team/add", data={"address": "new@blue.test"}, headers=OURS)
        assert "new@blue.test is in the team" in said.text.replace("<wbr>", "")


async def test_the_attack_itself_would_find_what_there_is(team: Store, alice: httpx2.AsyncClient) -> None:
    before = await everything(team)
    found = await attack(alice, team, ALICE, canaries=(TEAMS, HERS))
    changed = {row[0] for row in await everything(team) ^ before}
    assert {"GET / kestrel", "GET /export.csv kestrel", "GET /drafts merlin", "GET /templates merlin"} <= found
    assert {*PERSONAL, *OWNERS, "labels", "notes", "said", "unsubscribed", "seeds"} - changed == {"identities"}, (
        "no provider is set here"
    )
