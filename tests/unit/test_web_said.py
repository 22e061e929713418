"""What people and their programs tell Seenby of a hit: that was me, that was a person, I am showing my own message."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from seenby.store import Store
from seenby.store.people import secret_hash
from seenby.web.assets import STATIC
from seenby.words.limits import OWN_VIEWS
from tests.browser.lively import ALICE, CHARLIE, add_mail, add_people
from tests.conftest import require
from tests.house import rows
from tests.unit.test_report_summary import NEWS
from tests.unit.test_web_attack import HELD, command_line
from tests.unit.test_web_pages import OURS, browser, parts_of, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", ["sqlite"], indirect=True)]
PAGE = "/messages/m-news"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def team(store: Store) -> Store:
    require((STATIC / "manifest.json").exists(), "the built frontend")
    await add_people(store)
    await add_mail(store, NEWS)
    return store


async def a_hit(store: Store) -> str:
    hit = (await rows(store, "hits_of", message="m-news"))[0]["id"]
    assert isinstance(hit, str)
    return hit


async def is_due(store: Store) -> bool:
    return {"id": "m-news"} in await rows(store, "due_judgements", now=2**62, limit=99)


async def test_what_is_said_of_a_hit_is_kept_shown_and_taken_back(team: Store, alice: httpx2.AsyncClient) -> None:
    hit = await a_hit(team)
    answer = await alice.post(f"{PAGE}/hits/{hit}/said", data={"what": "me"}, headers=OURS)
    assert answer.status_code == 303
    assert await is_due(team)
    page = (await alice.get(answer.headers["location"])).text
    assert "Noted: that was you. It is counted no more." in page
    assert f"{ALICE} said so" in page
    answer = await alice.post(f"{PAGE}/hits/{hit}/said", data={"what": "person"}, headers=OURS)
    assert "Noted: that was a person." in (await alice.get(answer.headers["location"])).text
    answer = await alice.post(f"{PAGE}/hits/{hit}/said", data={"what": ""}, headers=OURS)
    page = (await alice.get(answer.headers["location"])).text
    assert "said so" not in page
    assert "Noted" not in page
    assert await rows(team, "said_of", message="m-news") == []


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/messages/m-news/hits/nothing/said", "me"),
        ("/messages/m-other/hits/{hit}/said", "me"),
        ("/messages/m-news/hits/{hit}/said", "somebody"),
    ],
)
async def test_of_what_is_not_there_nothing_can_be_said(
    team: Store, alice: httpx2.AsyncClient, path: str, what: str
) -> None:
    hit = await a_hit(team)
    assert (await alice.post(path.format(hit=hit), data={"what": what}, headers=OURS)).status_code == 404
    assert await rows(team, "said_of", message="m-news") == []


async def test_another_team_says_nothing_of_our_hits(team: Store) -> None:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        answer = await opened.post(f"{PAGE}/hits/{await a_hit(team)}/said", data={"what": "me"}, headers=OURS)
        assert answer.status_code == 404


# ---------------------------------------------------------------- own views


@pytest.fixture
async def extension(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with team.write() as tx:
        [alice] = await tx.all("sender_by_address", address=ALICE)
        await tx.run("set_password", id=alice["id"], password_hash=secret_hash("swordfish"))
    async with browser(parts_of(team)) as opened:
        yield opened


async def test_an_own_view_is_announced_by_message_id_and_judged(team: Store, extension: httpx2.AsyncClient) -> None:
    for name in ("m-news", "<m-news@blue.test>"):
        answer = await extension.post(
            "/api/own-views", json={"message": name, "surface": "gmail"}, auth=(ALICE, "swordfish")
        )
        assert answer.status_code == 201, answer.text
    assert [row["surface"] for row in await rows(team, "own_views", message="m-news")] == ["gmail", "gmail"]
    assert await is_due(team)


@pytest.mark.parametrize(
    ("auth", "body", "status"),
    [
        (None, {"message": "m-news"}, 401),
        ((ALICE, "wrong"), {"message": "m-news"}, 401),
        (("nobody@acme.test", "swordfish"), {"message": "m-news"}, 401),
        ((ALICE, "swordfish"), {"message": "m-nothing"}, 404),
        ((ALICE, "swordfish"), {}, 422),
        ((ALICE, "swordfish"), {"message": "m-news", "seconds_ago": -1}, 422),
        ((ALICE, "swordfish"), {"message": "m-news", "seconds_ago": "NaN"}, 422),
        ((ALICE, "swordfish"), {"message": "m-news", "surface": "x" * 41}, 422),
        ((ALICE, "swordfish"), ["m-news"], 422),
    ],
)
async def test_what_is_no_announcement_is_refused_in_words(
    team: Store, extension: httpx2.AsyncClient, auth: tuple[str, str] | None, body: object, status: int
) -> None:
    answer = await extension.post(
        "/api/own-views", content=json.dumps(body), headers=JSON, auth=auth or httpx2.USE_CLIENT_DEFAULT
    )
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert await rows(team, "own_views", message="m-news") == []


@pytest.mark.parametrize(
    "body", [{"message": "m\0news"}, {"message": "m-news", "surface": "gmail\0"}], ids=["message", "surface"]
)
async def test_a_nul_is_refused_before_a_database_meets_it(
    team: Store, extension: httpx2.AsyncClient, body: object
) -> None:
    answer = await extension.post("/api/own-views", content=json.dumps(body), headers=JSON, auth=(ALICE, "swordfish"))
    assert answer.status_code == 400
    answer = await extension.post(f"{PAGE}/view", data={"view": "gong\0"}, headers=OURS)
    assert answer.status_code == 400
    assert await rows(team, "own_views", message="m-news") == []


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"message": "\xff"}', b'{"seconds_ago": ' + b"9" * 6000 + b"}"])
async def test_json_that_nobody_can_read_is_refused_in_words(extension: httpx2.AsyncClient, body: bytes) -> None:
    answer = await extension.post("/api/own-views", content=body, headers=JSON, auth=(ALICE, "swordfish"))
    assert answer.status_code == 400
    assert answer.json() == {"error": "What was sent is not what this address takes."}


async def test_another_team_s_message_is_none(team: Store, extension: httpx2.AsyncClient) -> None:
    async with team.write() as tx:
        [charlie] = await tx.all("sender_by_address", address=CHARLIE)
        await tx.run("set_password", id=charlie["id"], password_hash=secret_hash("herring"))
    answer = await extension.post("/api/own-views", json={"message": "m-news"}, auth=(CHARLIE, "herring"))
    assert answer.status_code == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_page_elsewhere_could_send_is_refused(extension: httpx2.AsyncClient, kind: str) -> None:
    answer = await extension.post(
        "/api/own-views", content=b'{"message": "m-news"}', headers={"Content-Type": kind}, auth=(ALICE, "swordfish")
    )
    assert answer.status_code == 415


async def test_whoever_guesses_passwords_has_to_wait(extension: httpx2.AsyncClient) -> None:
    for _ in range(20):
        answer = await extension.post("/api/own-views", json={"message": "m-news"}, auth=(ALICE, "guess"))
        assert answer.status_code == 401
    answer = await extension.post("/api/own-views", json={"message": "m-news"}, auth=(ALICE, "swordfish"))
    assert answer.status_code == 429


async def test_there_is_an_end_to_own_views(team: Store, extension: httpx2.AsyncClient) -> None:
    async with team.write() as tx:
        views = [
            {"id": str(at), "team": "blue", "message": "m-news", "at": at, "surface": ""} for at in range(OWN_VIEWS)
        ]
        await tx.many("add_own_view", views)
    answer = await extension.post("/api/own-views", json={"message": "m-news"}, auth=(ALICE, "swordfish"))
    assert answer.status_code == 429


# ---------------------------------------------------------------- judging again, from the command line


async def test_the_running_seenby_judges_again_and_says_how_far_it_is(team: Store) -> None:
    async with command_line(team) as opened:
        answer = await opened.post("/control/judge-again", json={"apply": False}, headers=HELD)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["messages"] for line in lines] == sorted(line["messages"] for line in lines)
    assert lines[-1]["done"] is True
    assert lines[-1]["messages"] == lines[-1]["of"] == 1


async def test_only_the_key_s_holder_judges_again(team: Store) -> None:
    async with command_line(team) as opened:
        wrong = {"Authorization": "Bearer x"}
        assert (await opened.post("/control/judge-again", json={"apply": True}, headers=wrong)).status_code == 403
