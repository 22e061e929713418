"""No change without one of our own pages asking for it, on any route there is; and looking changes nothing."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.datastructures import Headers

from seenby.store import Store
from seenby.store.tables import METADATA
from seenby.web import make_app
from seenby.web.guard import is_own
from tests.browser.lively import BOB
from tests.unit.test_web_pages import APP, OURS, browser, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]
FORGED = {
    "says nothing": {},
    "typed or bookmarked": {"Sec-Fetch-Site": "none"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another host of our domain": {"Sec-Fetch-Site": "same-site"},
    "another site, with our name in Origin": {"Sec-Fetch-Site": "cross-site", "Origin": APP},
    "nonsense": {"Sec-Fetch-Site": "SAME-ORIGIN "},
    "a sandboxed frame": {"Origin": "null"},
    "an older browser, another site": {"Origin": "https://evil.test"},
    "an older browser, a longer name": {"Origin": f"{APP}.evil.test"},
    "an older browser, our name as its user": {"Origin": "http://app.test@evil.test"},
    "an older browser, another scheme": {"Origin": "file://"},
    "an older browser, empty": {"Origin": ""},
    "an older browser, with our address in Referer": {"Referer": f"{APP}/settings"},
}
# Looking here is doing: a link that signs in is spent, and a stream never ends.
DOES = {"/sign-in/{link}", "/live"}
VALUES = {"message": "m-offer", "recipient": "m-offer-0", "address": "rita@customer.test", "domain": "customer.test"}


@dataclass(frozen=True, kw_only=True)
class Way:
    path: str
    methods: frozenset[str]


def ways(app: FastAPI) -> list[Way]:
    """Every address and what may be asked there, those of the routers as well."""
    found: list[Way] = []
    for one in app.routes:
        inside: Any = one.effective_route_contexts() if hasattr(one, "effective_route_contexts") else [one]
        found += [Way(path=way.path, methods=frozenset(way.methods)) for way in inside if getattr(way, "methods", None)]
    return found


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: VALUES.get(found[1], "x"), path)


async def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    async with store.read() as tx:
        return {
            table.name: sorted(
                map(tuple, (await tx.connection.execute(text(f"select * from {table.name}"))).all()), key=repr
            )
            for table in METADATA.sorted_tables
        }


async def test_what_another_page_asks_for_is_refused_on_every_route_that_changes_anything(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    app = make_app(parts_of(team))
    changing = [one for one in ways(app) if one.methods - {"GET", "HEAD"}]
    assert len(changing) > 60
    before = await everything(team)
    for one in changing:
        for why, headers in FORGED.items():
            for method in one.methods - {"GET", "HEAD"}:
                answer = await alice.request(method, filled(one.path), data={"x": "y"}, headers=headers)
                expected = 415 if one.path.startswith("/api/") else 403
                assert answer.status_code == expected, f"{method} {one.path}: {why}"
                assert answer.text.startswith("Refused: "), f"{method} {one.path}: {why}"
    assert await everything(team) == before


async def test_a_page_that_nobody_knows_is_no_way_round(team: Store, alice: httpx2.AsyncClient) -> None:
    for path in (
        "//settings/switches",
        "/settings/switches/",
        "/./settings/switches",
        "/SETTINGS/switches",
        "/api/../sign-out",
    ):
        for method in ("POST", "PUT", "PATCH", "DELETE", "post", "TRACE", "QUERY"):
            assert (await alice.request(method, path, headers=FORGED["another site"])).status_code in (403, 415)


async def test_looking_at_every_page_changes_nothing(team: Store, alice: httpx2.AsyncClient) -> None:
    async with browser(parts_of(team)) as bob, browser(parts_of(team)) as stranger:
        await sign_in(bob, team, BOB)
        looking = [one for one in ways(make_app(parts_of(team))) if "GET" in one.methods and one.path not in DOES]
        assert len(looking) > 50
        before = await everything(team)
        for one in looking:
            for client in (alice, bob, stranger):
                for headers in ({}, {"HX-Request": "true"}):
                    answer = await client.get(filled(one.path), headers=OURS | headers)
                    assert answer.status_code < 500, one.path
            if {name: rows for name, rows in (await everything(team)).items() if rows != before[name]}:
                pytest.fail(one.path)


@pytest.mark.parametrize(
    ("app_url", "origin", "is_ours"),
    [
        ("https://app.test", "https://app.test", True),
        ("https://app.test", "http://app.test", False),
        ("http://127.0.0.1:8025", "http://app.test", True),
    ],
    ids=["itself", "the same name without TLS", "by another of its names"],
)
async def test_an_older_browser_s_word_counts_by_scheme_and_host(
    team: Store, app_url: str, origin: str, *, is_ours: bool
) -> None:
    headers = Headers({"origin": origin, "host": "app.test"})
    assert is_own(headers, app_url=app_url) is is_ours
