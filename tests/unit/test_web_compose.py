"""Writing on the pages: what is kept, what is said of each recipient, what goes, and what a stranger gets of it."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from html import unescape
from typing import Any

import httpx2
import pytest

from seenby import flow
from seenby.compose.written import Written, read_draft
from seenby.consent.person import Person, erase_some
from seenby.delivery.sent_folder import Mailbox, MailboxError
from seenby.store import Store, drafts, unsubscribed
from seenby.store.drafts import State
from seenby.store.people import sender_by_address
from seenby.store.times import micros
from seenby.web.compose.lines import Kind, around, lines
from seenby.web.settings import writing
from seenby.words.limits import ATTACHED_BYTES, TEXT_CHARACTERS, WRITTEN_BYTES
from seenby.words.policy import FULL, Level
from tests.browser import lively
from tests.browser.lively import ALICE, BOB, CHARLIE, NOW
from tests.house import make_house, rows
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in

pytestmark = pytest.mark.anyio
HTMX = {**OURS, "HX-Request": "true"}
LETTER = {
    "draft": "draft-0001",
    "from": ALICE,
    "name": "Alice Blue",
    "to": "Rita <rita@customer.test>",
    "subject": "Our offer",
    "html": "<p>Hello <strong>Rita</strong></p>",
    "pixels": "1",
    "links": "1",
    "notify": "1",
}


@pytest.fixture
async def bob(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, BOB)
        yield opened


@pytest.fixture
async def charlie(team: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, CHARLIE)
        yield opened


async def draft_of(team: Store, draft: str = "draft-0001", address: str = ALICE) -> Any:
    async with team.read() as tx:
        sender = await sender_by_address(tx, address)
        assert sender is not None
        return await drafts.one(tx, sender, draft)


async def post(client: httpx2.AsyncClient, path: str, headers: Any = OURS, **changed: str) -> httpx2.Response:
    return await client.post(path, data={**LETTER, **changed}, headers=headers)


@on_both
async def test_a_draft_is_saved_and_comes_back_as_it_was(team: Store, alice: httpx2.AsyncClient) -> None:
    said = await post(alice, "/compose/save", HTMX)
    assert "Saved" in said.text
    assert "Rita &lt;rita" in said.text.replace("<wbr>", "")
    page = (await alice.get("/compose?draft=draft-0001")).text
    assert "Our offer" in page
    assert unescape(re.findall(r'data-html="([^"]*)"', page)[0]) == "<p>Hello <strong>Rita</strong></p>"
    listed = (await alice.get("/drafts")).text
    assert "Our offer" in listed
    assert "To Rita" in listed


async def test_without_the_script_text_is_text_and_what_was_formatted_stays_so(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await post(alice, "/compose/save")
    page = (await alice.get("/compose?draft=draft-0001")).text
    text = unescape(re.findall(r"<textarea[^>]*id=\"written\"[^>]*>(.*?)</textarea>", page, re.DOTALL)[0])
    assert (await post(alice, "/compose/save", html="", text=text)).status_code == 303
    assert read_draft((await draft_of(team))["content"]).html == "<p>Hello <strong>Rita</strong></p>"
    await post(alice, "/compose/save", html="", text="One <b>\n\nTwo")
    assert read_draft((await draft_of(team))["content"]).html == "<p>One &lt;b&gt;</p><p>Two</p>"


@on_both
async def test_send_waits_ten_seconds_and_can_be_taken_back(team: Store, alice: httpx2.AsyncClient) -> None:
    sent = await post(alice, "/compose/send", HTMX, go="now")
    assert sent.headers["hx-redirect"] == "/"
    assert "draft-0001" in sent.headers["hx-trigger"]
    row = await draft_of(team)
    assert (row["state"], row["send_at"]) == (State.WAITING, micros(NOW + timedelta(seconds=10)))
    assert "Sending in 10 s" in (await alice.get("/compose/toast/draft-0001")).text
    back = await alice.post("/compose/undo", data={"draft": "draft-0001"}, headers=OURS)
    assert back.headers["location"] == "/compose?draft=draft-0001&said=back"
    assert "Nothing was sent" in (await alice.get(back.headers["location"])).text
    assert (await draft_of(team))["state"] == State.DRAFT


async def test_what_was_sent_says_so_and_is_too_late_to_take_back(team: Store, alice: httpx2.AsyncClient) -> None:
    assert (await post(alice, "/compose/send", go="now")).headers["location"] == "/compose/going/draft-0001"
    house = make_house(team, clock=lambda: NOW + timedelta(seconds=10))
    assert await flow.post(house) == 1
    message = (await draft_of(team))["message"]
    assert f"/messages/{message}" in (await alice.get("/compose/toast/draft-0001")).text
    late = await alice.post("/compose/undo", data={"draft": "draft-0001"}, headers=OURS)
    assert "It had gone already" in (await alice.get(late.headers["location"])).text
    assert "Our offer" in (await alice.get("/")).text
    ended = await alice.get("/compose/words/draft-0001", headers=HTMX)
    assert ended.headers["hx-retarget"] == "#going"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "nobody"}, "“nobody” is no address"),
        ({"subject": ""}, "The subject is empty"),
        ({"from": BOB}, "Choose an address of yours"),
        ({"name": "boss@blue.test"}, "must not hold an “@”"),
        ({"html": "<p>Hi {{company}}</p>"}, "“company” is missing for rita@customer.test."),
        ({"subject": "a\nBcc: x@x.test"}, "line end"),
        ({"go": "later", "day": "2026-11-22", "clock": "09:00", "zone": "UTC"}, "is over"),
        ({"go": "later", "day": "", "clock": "", "zone": "UTC"}, "both the day and the time"),
        ({"html": "x" * (TEXT_CHARACTERS + 1)}, "longer than"),
    ],
    ids=str,
)
@pytest.mark.parametrize("headers", [OURS, HTMX], ids=["page", "script"])
async def test_what_is_wrong_is_said_and_nothing_goes(
    team: Store, alice: httpx2.AsyncClient, changed: dict[str, str], said: str, headers: dict[str, str]
) -> None:
    answer = await post(alice, "/compose/send", headers, **{"go": "now", **changed})
    assert answer.status_code == 200
    assert said in unescape(answer.text)
    row = await draft_of(team)
    assert row is None or row["state"] == State.DRAFT


async def test_later_is_shown_with_its_zone_and_can_be_cancelled(team: Store, alice: httpx2.AsyncClient) -> None:
    later = {"go": "later", "day": "2026-11-24", "clock": "09:00", "zone": "Europe/Berlin"}
    sent = await post(alice, "/compose/send", HTMX, **later)
    assert "Tue 24 Nov 2026, 09:00 Europe/Berlin" in (await alice.get(sent.headers["hx-redirect"])).text
    assert "Tue 24 Nov 2026, 09:00 Europe/Berlin" in (await alice.get("/drafts")).text
    await alice.post("/compose/undo", data={"draft": "draft-0001"}, headers=OURS)
    assert (await draft_of(team))["state"] == State.DRAFT


async def test_what_was_chosen_last_is_the_default_until_the_settings_change(
    team: Store, alice: httpx2.AsyncClient
) -> None:
    await post(alice, "/compose/send", go="now", pixels="")
    assert not _is_on((await alice.get("/compose")).text, "pixels")
    assert _is_on((await alice.get("/compose")).text, "links")
    assert 'value="Alice Blue"' in (await alice.get("/compose")).text
    await alice.post("/settings/switches", data={"pixels": "1", "notify": "1"}, headers=OURS)
    assert _is_on((await alice.get("/compose")).text, "pixels")
    assert not _is_on((await alice.get("/compose")).text, "links")


def _is_on(page: str, name: str) -> bool:
    (found,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    return " checked" in found


@on_both
async def test_the_line_of_each_recipient_is_what_acceptance_then_does(team: Store) -> None:
    everybody = f"rita@customer.test, {ALICE}, {BOB}, new@blue.test, seed@out.test"
    async with team.write() as tx:
        await tx.run("add_seed", team=lively.TEAM, address="seed@out.test", at=0)
        await unsubscribed.put(tx, team=lively.TEAM, address="gone@out.test", message="m-offer", at=NOW)
    for pixels, links in ((True, True), (True, False), (False, False)):
        written = Written(from_=ALICE, to=everybody, subject="x", html="<p>x</p>", pixels=pixels, links=links)
        async with team.write() as tx:
            sender = await sender_by_address(tx, ALICE)
            assert sender is not None
            at = await around(tx, sender, written, ceiling=FULL)
            draft = f"draft-{pixels}-{links}"
            await drafts.save(tx, sender, draft, written, at=NOW)
            await tx.run("schedule_draft", id=draft, sender=sender.id, send_at=0)
        said = {line.shown: (line.kind is Kind.TRACKED, line.says) for line in lines(written, at)}
        await flow.post(make_house(team, clock=lambda: NOW))
        message = (await draft_of(team, draft))["message"]
        done = {one["address"]: one for one in await rows(team, "recipients_of", message=message)}
        assert set(said) == set(done)
        for address, (is_tracked, says) in said.items():
            assert is_tracked == (done[address]["untracked"] is None), address
            assert ("Clicks: not tracked" in says) == (is_tracked and done[address]["links"] == Level.OFF)
        assert "seed mailbox" in said["seed@out.test"][1] or not pixels
    gone = lines(Written(to="gone@out.test"), await _around(team, Written(to="gone@out.test")))
    assert [(line.kind, line.says) for line in gone] == [(Kind.STOP, "They unsubscribed from your team's mail.")]


async def _around(team: Store, written: Written) -> Any:
    async with team.read() as tx:
        sender = await sender_by_address(tx, ALICE)
        assert sender is not None
        return await around(tx, sender, written, ceiling=FULL)


async def test_nobody_who_unsubscribed_is_written_to(team: Store, alice: httpx2.AsyncClient) -> None:
    async with team.write() as tx:
        await unsubscribed.put(tx, team=lively.TEAM, address="rita@customer.test", message="m-offer", at=NOW)
    answer = await post(alice, "/compose/send", HTMX, go="now")
    assert "rita@customer.test unsubscribed from your team" in unescape(answer.text)
    assert (await draft_of(team))["state"] == State.DRAFT


@on_both
async def test_files_come_along_and_go_again(team: Store, alice: httpx2.AsyncClient) -> None:
    hostile = '"><img src=x onerror=alert(1)>.pdf'
    put = await alice.post(
        "/compose/files",
        data={"draft": "draft-0001"},
        files={"file": (hostile, b"x" * 2000, "text/plain")},
        headers=HTMX,
    )
    assert "<img" not in put.text
    assert "2 KB" in put.text
    (file,) = await rows(team, "attachments_of", draft="draft-0001")
    page = (await alice.get("/compose?draft=draft-0001")).text
    assert "<img" not in page
    gone = await post(alice, "/compose/files/remove", HTMX, remove=file["id"])
    assert "KB" not in gone.text
    assert await rows(team, "attachments_of", draft="draft-0001") == []


async def test_no_file_is_taken_off_what_waits_to_go(team: Store, alice: httpx2.AsyncClient) -> None:
    await alice.post("/compose/files", data={"draft": "draft-0001"}, files={"file": ("a.txt", b"x")}, headers=HTMX)
    (file,) = await rows(team, "attachments_of", draft="draft-0001")
    async with team.write() as tx:
        assert await tx.run("schedule_draft", id="draft-0001", sender=f"id-{ALICE}", send_at=1)
    await post(alice, "/compose/files/remove", HTMX, remove=file["id"])
    assert len(await rows(team, "attachments_of", draft="draft-0001")) == 1


async def test_a_file_that_is_too_large_is_not_added_and_the_rest_stays(team: Store, alice: httpx2.AsyncClient) -> None:
    async def put(size: int) -> httpx2.Response:
        return await alice.post(
            "/compose/files", data={"draft": "draft-0001"}, files={"file": ("f", b"x" * size)}, headers=HTMX
        )

    assert "are the most" not in (await put(ATTACHED_BYTES - 1)).text
    assert "18 MB" in (await put(2)).text
    assert (await put(ATTACHED_BYTES + 2 * WRITTEN_BYTES + 1)).status_code == 413
    (kept,) = await rows(team, "attachments_of", draft="draft-0001")
    assert kept["size"] == ATTACHED_BYTES - 1


async def test_a_long_body_is_not_even_read_of_somebody_who_is_not_signed_in(team: Store) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"draft=draft-0001&html="
        for _ in range(5):
            yield b"x" * WRITTEN_BYTES
            raise AssertionError

    async with browser(parts_of(team)) as opened:
        for path in ("/compose/save", "/compose/files", "/templates"):
            answer = await opened.post(path, content=body(), headers=OURS)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_a_body_that_does_not_say_how_long_it_is_has_the_same_limit(alice: httpx2.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * WRITTEN_BYTES

    headers = {**OURS, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await alice.post("/compose/save", content=body(), headers=headers)).status_code == 413


PATHS: dict[str, Callable[[httpx2.AsyncClient], Any]] = {
    "the page": lambda one: one.get("/compose?draft=draft-0001"),
    "its way": lambda one: one.get("/compose/going/draft-0001"),
    "the toast": lambda one: one.get("/compose/toast/draft-0001"),
    "saving": lambda one: post(one, "/compose/save", HTMX, subject="stolen"),
    "sending": lambda one: post(one, "/compose/send", HTMX, go="now", subject="stolen", **{"from": BOB}),
    "files": lambda one: one.post(
        "/compose/files", data={"draft": "draft-0001"}, files={"file": ("f", b"x")}, headers=HTMX
    ),
    "deleting": lambda one: one.post("/drafts/delete", data={"draft": "draft-0001"}, headers=OURS),
    "taking back": lambda one: one.post("/compose/undo", data={"draft": "draft-0001"}, headers=OURS),
}


@pytest.mark.parametrize("what", PATHS)
async def test_a_draft_is_nobody_elses_to_see_or_change(
    team: Store, alice: httpx2.AsyncClient, bob: httpx2.AsyncClient, charlie: httpx2.AsyncClient, what: str
) -> None:
    await post(alice, "/compose/save")
    before = dict(await draft_of(team))
    for stranger in (bob, charlie):
        answer = await PATHS[what](stranger)
        assert "Our offer" not in answer.text
        assert dict(await draft_of(team)) == before
        assert await rows(team, "attachments_of", draft="draft-0001") == []


async def test_another_site_sends_nothing(team: Store, alice: httpx2.AsyncClient) -> None:
    for path in ("/compose/send", "/compose/save", "/compose/files", "/templates", "/drafts/delete", "/compose/undo"):
        answer = await post(alice, path, {"Sec-Fetch-Site": "cross-site"}, go="now")
        assert answer.status_code == 403
    assert await draft_of(team) is None


async def test_a_follow_up_goes_to_the_same_people_in_the_thread(
    team: Store, alice: httpx2.AsyncClient, charlie: httpx2.AsyncClient
) -> None:
    page = (await alice.get("/compose?reply=m-offer")).text
    assert "Re: " in page
    assert "Follow up" in page
    assert (await charlie.get("/compose?reply=m-offer")).status_code == 404
    (reply,) = re.findall(r'name="reply" value="([^"]*)"', page)
    await post(alice, "/compose/save", reply=reply)
    written = read_draft((await draft_of(team))["content"])
    assert written.answers == "<m-offer@blue.test>"
    await post(charlie, "/compose/save", draft="draft-of-charlie", reply=reply)
    assert read_draft((await draft_of(team, "draft-of-charlie", CHARLIE))["content"]).answers == ""


@on_both
async def test_templates_are_kept_shared_used_deleted_and_brought_back(
    team: Store, alice: httpx2.AsyncClient, bob: httpx2.AsyncClient, charlie: httpx2.AsyncClient
) -> None:
    mine = {
        "draft": "template-1",
        "name": "First offer",
        "subject": "Hi {{first_name}}",
        "html": "<p>Dear {{name}}</p>",
    }
    assert (await alice.post("/templates", data=mine, headers=OURS)).status_code == 303
    assert "First offer" in (await alice.get("/templates")).text
    assert "First offer" not in (await bob.get("/templates")).text
    assert (await bob.get("/templates/template-1")).status_code == 404
    await bob.post("/templates", data={**mine, "name": "Bob's"}, headers=OURS)
    assert "First offer" in (await alice.get("/templates/template-1")).text
    await alice.post("/templates", data={**mine, "shared": "1"}, headers=OURS)
    assert "First offer" in (await bob.get("/templates")).text
    assert "First offer" not in (await charlie.get("/templates")).text
    assert "Dear {{name}}" in (await bob.get("/compose?template=template-1")).text
    assert (await charlie.get("/compose?template=template-1")).status_code == 404
    gone = await alice.post("/templates/delete", data={"draft": "template-1"}, headers=OURS)
    assert "is deleted" in gone.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', gone.text))
    await alice.post("/templates", data={name: unescape(value) for name, value in fields.items()}, headers=OURS)
    assert "Dear {{name}}" in (await bob.get("/compose?template=template-1")).text


async def test_a_member_changes_no_colleagues_template_and_the_owner_may(
    team: Store, alice: httpx2.AsyncClient, bob: httpx2.AsyncClient
) -> None:
    shared = {"draft": "template-1", "name": "Bob's", "subject": "x", "html": "<p>x</p>", "shared": "1"}
    await bob.post("/templates", data=shared, headers=OURS)
    await alice.post("/templates", data={**shared, "name": "Better"}, headers=OURS)
    assert "Better" in (await bob.get("/templates")).text
    await alice.post("/templates", data={**shared, "draft": "template-2", "name": "Alice's"}, headers=OURS)
    answer = await bob.post("/templates", data={**shared, "draft": "template-2", "name": "taken over"}, headers=OURS)
    assert "a colleague" in answer.text
    assert (await bob.post("/templates/delete", data={"draft": "template-2"}, headers=OURS)).status_code == 200
    assert "Alice" in (await alice.get("/templates")).text


async def test_a_preview_is_one_recipients_with_what_is_missing_named(team: Store, alice: httpx2.AsyncClient) -> None:
    text = '<p>Hi {{first_name}} of {{company}}</p><img src=x onerror="alert(1)"><script>alert(1)</script>'
    changed = {"html": text, "to": "Rita R <rita@customer.test>, rob@out.test"}
    first = (await post(alice, "/compose/preview", HTMX, **changed)).text
    assert "Hi Rita of {{company}}" in first
    assert "Missing for this recipient: company" in first
    assert "1 of 2" in first
    assert "onerror" not in first
    assert "alert(1)" not in first
    second = await post(alice, "/compose/preview?who=1", HTMX, **changed)
    assert "Missing for this recipient: first_name, company" in second.text
    assert (await post(alice, "/compose/preview?who=999", **changed)).status_code == 200
    assert (await post(alice, "/compose/preview", HTMX, to="", html="")).status_code == 200


async def test_a_pasted_table_adds_people_and_fills_their_fields(team: Store, alice: httpx2.AsyncClient) -> None:
    table = "email,first_name,company\nrob@out.test,Rob,Acme\nrita@customer.test,Rita,Else"
    await post(alice, "/compose/people", html="<p>{{first_name}} {{company}}</p>", table=table)
    written = read_draft((await draft_of(team))["content"])
    assert "rob@out.test" in written.to
    assert written.to.count("rita@customer.test") == 1
    assert written.values["rob@out.test"] == {"first_name": "Rob", "company": "Acme"}
    page = (await alice.get("/compose?draft=draft-0001")).text
    assert 'value="Acme"' in page
    wrong = await post(alice, "/compose/people", table="name\nRob")
    assert "has to be “email”" in wrong.text
    assert "name\nRob" in wrong.text, "what was pasted is still there"


async def test_cells_that_are_typed_are_kept(team: Store, alice: httpx2.AsyncClient) -> None:
    cells = {"whose-0": "rita@customer.test", "value-0-company": "Acme\r\nBcc: x"}
    await post(alice, "/compose/save", HTMX, html="<p>{{company}}</p>", **cells)
    written = read_draft((await draft_of(team))["content"])
    assert written.values == {"rita@customer.test": {"company": "Acme Bcc: x"}}


async def test_deleting_a_draft_can_be_taken_back(team: Store, alice: httpx2.AsyncClient) -> None:
    await post(alice, "/compose/save")
    gone = await alice.post("/drafts/delete", data={"draft": "draft-0001"}, headers=OURS)
    page = (await alice.get(gone.headers["location"])).text
    assert "Bring it back" in page
    assert "Our offer" not in page
    await alice.post("/drafts/restore", data={"draft": "draft-0001"}, headers=OURS)
    assert "Our offer" in (await alice.get("/drafts")).text


async def test_what_could_not_be_sent_stands_among_the_drafts_with_why(team: Store, alice: httpx2.AsyncClient) -> None:
    await post(alice, "/compose/send", go="now")
    async with team.write() as tx:
        await tx.run("set_password", id=f"id-{ALICE}", password_hash="x")
        await tx.run("drop_address", address=ALICE, sender=f"id-{ALICE}")
    await flow.post(make_house(team, clock=lambda: NOW + timedelta(seconds=10)))
    assert "is no longer an address of yours" in (await alice.get("/drafts")).text
    assert "1 not sent" in (await alice.get("/compose")).text
    assert "1 message could not be sent" in (await alice.get("/")).text, "on every page"
    assert "is no longer an address of yours" in (await alice.get("/compose?draft=draft-0001")).text


@pytest.mark.parametrize("hostile", [lively.HOSTILE, "\u202e\x1b[2J", "=?utf-8?q?=0D=0ABcc:x?=", "a" * 5000], ids=repr)
async def test_hostile_text_in_every_field_is_shown_as_text(
    team: Store, alice: httpx2.AsyncClient, hostile: str
) -> None:
    everywhere = dict.fromkeys(("name", "to", "cc", "bcc", "subject", "html", "zone", "day", "clock", "from"), hostile)
    everywhere |= {"whose-0": hostile, f"value-0-{hostile[:40]}": hostile, "table": f"email\n{hostile}"}
    for path in ("/compose/save", "/compose/send", "/compose/people", "/compose/preview"):
        for headers in (OURS, HTMX):
            answer = await post(alice, path, headers, **everywhere)
            assert answer.status_code in (200, 303)
            assert "<script>document" not in answer.text
            assert "<img" not in answer.text
    for path in ("/compose?draft=draft-0001", "/drafts"):
        page = (await alice.get(path)).text
        assert "<script>document" not in page
        assert "<img" not in page


@pytest.mark.parametrize("draft", ["", "x", "../../etc", "a b c d e f", "sent:id-alice", "x" * 41])
async def test_what_can_be_no_drafts_name_is_not_found(alice: httpx2.AsyncClient, draft: str) -> None:
    assert (await post(alice, "/compose/save", draft=draft)).status_code == 404


@pytest.mark.parametrize("path", ["/compose/save", "/compose/undo", "/compose/preview", "/templates"])
async def test_a_nul_is_refused_where_long_texts_are_taken_too(alice: httpx2.AsyncClient, path: str) -> None:
    for name in ("draft", "subject", "sub\0ject"):
        answer = await alice.post(path, data={**LETTER, name: "draft-0001\0"}, headers=OURS)
        assert answer.status_code == 400


async def test_every_page_has_the_way_to_writing(alice: httpx2.AsyncClient) -> None:
    for path in ("/", "/feed", "/settings", "/drafts", "/templates"):
        assert 'href="/compose"' in (await alice.get(path)).text


# ---------------------------------------------------------------- signature and mailbox


async def test_a_signature_stands_below_the_next_message_and_is_cleaned(
    team: Store, alice: httpx2.AsyncClient, bob: httpx2.AsyncClient
) -> None:
    hostile = "<p>Alice <strong>Blue</strong><script>alert(1)</script><img src=x onerror=alert(1)></p>"
    said = await alice.post("/settings/writing/signature", data={"html": hostile}, headers=OURS)
    assert "Saved" in said.text
    page = (await alice.get("/compose")).text
    (kept,) = re.findall(r'data-html="([^"]*)"', page)
    assert unescape(kept) == "<p></p><p>--</p><p>Alice <strong>Blue</strong></p>"
    assert "Alice" not in re.findall(r'data-html="([^"]*)"', (await bob.get("/compose")).text)[0]
    await alice.post("/settings/writing/signature", data={"html": "<p></p>"}, headers=OURS)
    assert 'data-html=""' in (await alice.get("/compose")).text


class Doors:
    """Which mailboxes were knocked at, in place of the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: list[Mailbox] = []
        self.says: str | MailboxError = "Sent"
        monkeypatch.setattr(writing, "find_folder", self.find)

    async def find(self, mailbox: Mailbox) -> str:
        self.tried.append(mailbox)
        if isinstance(self.says, MailboxError):
            raise self.says
        return self.says


MAILBOX = {"host": "imap.blue.test", "port": "993", "secured": "imaps", "user": ALICE, "password": "geheim"}


@on_both
async def test_a_mailbox_is_connected_once_it_lets_us_in_and_its_password_is_shown_to_nobody(
    team: Store, alice: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = Doors(monkeypatch)
    doors.says = MailboxError("imap.blue.test refused the user name or the password.")
    said = await alice.post("/settings/writing/mailbox", data=MAILBOX, headers=OURS)
    assert "Not connected. imap.blue.test refused" in said.text
    assert await rows(team, "mailbox_of", sender=f"id-{ALICE}") == []
    doors.says = "Gesendet <b>"
    said = await alice.post("/settings/writing/mailbox", data=MAILBOX, headers=OURS)
    assert "Gesendet &lt;b&gt;" in said.text
    page = (await alice.get("/settings/writing")).text
    assert "geheim" not in page
    assert "imap.blue.test:993" in page
    again = await alice.post("/settings/writing/mailbox", data={**MAILBOX, "password": ""}, headers=OURS)
    assert "Connected" in again.text
    assert doors.tried[-1].password == "geheim"
    await alice.post("/settings/writing/mailbox/remove", headers=OURS)
    assert await rows(team, "mailbox_of", sender=f"id-{ALICE}") == []


@pytest.mark.parametrize("change", [{"host": "imap.evil.test"}, {"port": "143"}, {"user": "x"}, {"secured": "imap"}])
async def test_a_password_that_is_kept_goes_to_no_other_server(
    team: Store, alice: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    doors = Doors(monkeypatch)
    await alice.post("/settings/writing/mailbox", data=MAILBOX, headers=OURS)
    said = await alice.post("/settings/writing/mailbox", data={**MAILBOX, **change, "password": ""}, headers=OURS)
    assert "both needed" in said.text
    assert len(doors.tried) == 1


async def test_only_who_runs_the_installation_names_hosts_inside_its_network(
    team: Store,
    alice: httpx2.AsyncClient,
    bob: httpx2.AsyncClient,
    charlie: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doors = Doors(monkeypatch)
    for client, may in ((alice, True), (bob, False), (charlie, False)):
        await client.post("/settings/writing/mailbox", data=MAILBOX, headers=OURS)
        assert doors.tried[-1].public_only is not may
        said = await client.post("/settings/writing/mailbox", data={**MAILBOX, "port": "6379"}, headers=OURS)
        assert ("another port" in said.text) is not may


@pytest.mark.parametrize(
    "change",
    [
        {"host": "imap.blue.test\r\nx"},
        {"host": "http://x"},
        {"port": "99999"},
        {"port": "²"},
        {"secured": "none"},
        {"user": "a\r\nb"},
        {"password": "a\nb"},
        {"user": ""},
    ],
    ids=str,
)
async def test_what_is_no_mailbox_is_not_knocked_at(
    team: Store, alice: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    doors = Doors(monkeypatch)
    said = await alice.post("/settings/writing/mailbox", data={**MAILBOX, **change}, headers=OURS)
    assert "Not connected" in said.text
    assert doors.tried == []


async def test_nobody_tries_passwords_without_end(
    team: Store, alice: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = Doors(monkeypatch)
    doors.says = MailboxError("refused")
    for number in range(100):
        last = await alice.post("/settings/writing/mailbox", data={**MAILBOX, "password": f"p{number}"}, headers=OURS)
    assert "Try again in a quarter of an hour" in last.text
    assert len(doors.tried) < 30


async def test_a_failure_to_file_is_shown_beside_the_mailbox(
    team: Store, alice: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Doors(monkeypatch)
    await alice.post("/settings/writing/mailbox", data=MAILBOX, headers=OURS)
    async with team.write() as tx:
        await tx.run("note_mailbox", sender=f"id-{ALICE}", at=micros(NOW), problem="imap.blue.test did not answer.")
    page = (await alice.get("/settings/writing")).text
    assert "It did not work" in page
    assert "did not answer" in page
    tested = await alice.post("/settings/writing/mailbox/test", headers=OURS)
    assert "It works" in tested.text


@on_both
async def test_people_one_wrote_to_are_offered_to_their_own_team_alone(team: Store) -> None:
    async def offered(opened: httpx2.AsyncClient, words: str) -> list[str]:
        answer = await opened.get("/compose/people", params={"words": words})
        assert answer.status_code == 200
        return [one["typed"] for one in answer.json()]

    async with browser(parts_of(team)) as alice, browser(parts_of(team)) as charlie:
        await sign_in(alice, team)
        await sign_in(charlie, team, CHARLIE)
        assert await offered(alice, "rita somm") == ["Rita Sommer <rita@customer.test>"]
        assert await offered(alice, "RITA@CUST") == ["Rita Sommer <rita@customer.test>"]
        assert await offered(alice, "odd") == ['"<b>Bold</b> & \\"quoted\\"" <odd@customer.test>']
        assert await offered(alice, "itt") == []
        assert [await offered(alice, words) for words in ("", "  ", "%", '"', "'; --")] == [[]] * 5
        assert len(await offered(alice, "t")) <= 6
        assert await offered(charlie, "rita") == []
        async with team.write() as tx:
            assert await erase_some(tx, Person(team=lively.TEAM, address="rita@customer.test"))
        assert await offered(alice, "rita") == await offered(alice, "erased") == []
