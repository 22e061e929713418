"""Networks that a team names as its own: what the judge makes of them, what may be named, and what is read again."""

import httpx2
import pytest

from seenby.judge import REASONS, OwnNetwork, Reader, judge
from seenby.judge.strengths import DECIDE, WEIGH
from seenby.store import Store
from seenby.web.settings.judge import parse_own_network
from seenby.words.limits import OWN_NETWORKS
from seenby.words.verdict import Label
from tests.browser.lively import BOB, CHARLIE, HOSTILE
from tests.unit.judge_evidence import seen, verdict
from tests.unit.test_settings_access import logged
from tests.unit.test_web_pages import OURS, browser, on_both, parts_of, sign_in, store

pytestmark = pytest.mark.anyio
__all__ = ["store"]


@pytest.mark.parametrize(
    ("address", "network", "is_own"),
    [
        pytest.param("8.8.4.7", "8.8.4.0/24", True, id="inside"),
        pytest.param("8.8.5.7", "8.8.4.0/24", False, id="outside"),
        pytest.param("2a01:4f8::7", "2a01:4f8::/32", True, id="IPv6"),
        pytest.param("8.8.4.7", "2a01:4f8::/32", False, id="of the other kind"),
        pytest.param("10.1.2.3", "10.0.0.0/8", True, id="private, because they said so"),
        pytest.param("127.0.0.1", "127.0.0.0/8", False, id="never the machine itself"),
        pytest.param("8.8.4.7", "nonsense", False, id="what cannot be read is nobody's"),
    ],
)
def test_a_fetch_from_an_own_network_is_our_own_side(address: str, network: str, is_own: bool) -> None:
    said = verdict(seen(address=address), own_networks=(OwnNetwork(network=network, name="Office in Bergen"),))
    assert (said.label is Label.SELF) is is_own
    assert any(one.code == "own_network" and one.detail == "Office in Bergen" for one in said.reasons) is is_own


def test_a_colleagues_copy_on_a_named_network_is_no_doubt() -> None:
    colleague = (Reader(id="r1", domain="alma.example", address="bob@alma.example"),)
    said = verdict(
        seen(address="8.8.4.7"),
        recipients=colleague,
        sender_domain="alma.example",
        own_networks=(OwnNetwork(network="8.8.4.0/24"),),
    )
    assert said.label is Label.SELF


def test_every_reason_is_shown_with_what_it_weighs() -> None:
    assert set(DECIDE) | set(WEIGH) == set(REASONS)
    assert not set(DECIDE) & set(WEIGH)
    assert all(low <= high for low, high in (*DECIDE.values(), *WEIGH.values()))


def test_no_verdict_of_our_cases_weighs_otherwise_than_shown() -> None:
    import json
    from pathlib import Path

    from seenby.judge.cases import read_case

    spans = {**DECIDE, **WEIGH}
    wrong, looked_at = [], 0
    for file in sorted((Path(__file__).parents[1] / "judge").glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            for said in judge(read_case(case)).values():
                for one in said.reasons:
                    looked_at += 1
                    low, high = spans[one.code]
                    if not min(low, 0) - 0.01 <= one.weight <= max(high, 0) + 0.01:
                        wrong.append((file.name, one.code, one.weight, (low, high)))
    assert wrong == []
    assert looked_at > 100


@pytest.mark.parametrize("text", ["203.0.113.0/24", " 203.0.113.7 ", "2001:db8::/48", "10.0.0.0/8", "2a00::/16"])
def test_a_network_or_an_address_may_be_named(text: str) -> None:
    assert not isinstance(parse_own_network(text), str)


@pytest.mark.parametrize(
    "text", ["", "0.0.0.0/0", "8.0.0.0/7", "2000::/15", "::/0", "127.0.0.1", "::1", "office", HOSTILE, "1.2.3.4/33"]
)
def test_what_is_no_network_too_wide_or_the_machine_itself_is_refused(text: str) -> None:
    assert isinstance(parse_own_network(text), str)


@on_both
async def test_an_owner_names_a_network_and_recent_messages_are_due_again(
    alice: httpx2.AsyncClient, team: Store
) -> None:
    async with team.write() as tx:
        due = await tx.all("due_judgements", now=2**60, limit=100)
        for row in due:
            await tx.run("judged", id=row["id"], seen=None, again=None)
    form = {"network": "203.0.113.80/24", "name": HOSTILE}
    page = (await alice.post("/settings/judge/networks", data=form, headers=OURS)).text
    assert "203.0.113.0/24" in page
    assert "<script>document" not in page
    async with team.read() as tx:
        again = {row["id"] for row in await tx.all("due_judgements", now=2**60, limit=100)}
    assert "m-offer" in again
    assert "m-private" not in again, "another team's"
    await alice.post("/settings/judge/networks/remove", data={"network": "203.0.113.0/24"}, headers=OURS)
    assert [action for action, _ in await logged(team)] == ["network_removed", "network_added"]


async def test_there_is_an_end_to_networks(alice: httpx2.AsyncClient) -> None:
    for number in range(OWN_NETWORKS + 1):
        page = (await alice.post("/settings/judge/networks", data={"network": f"9.9.{number}.0/24"}, headers=OURS)).text
    assert "are the most" in page
    assert f"9.9.{OWN_NETWORKS}.0/24" not in page


@pytest.mark.parametrize(("who", "status"), [(BOB, 403), (CHARLIE, 200)])
async def test_nobody_else_removes_a_teams_network(
    alice: httpx2.AsyncClient, team: Store, who: str, status: int
) -> None:
    await alice.post("/settings/judge/networks", data={"network": "9.9.9.0/24"}, headers=OURS)
    async with browser(parts_of(team)) as opened:
        await sign_in(opened, team, who)
        answer = await opened.post("/settings/judge/networks/remove", data={"network": "9.9.9.0/24"}, headers=OURS)
        assert answer.status_code == status
        assert (
            await opened.post("/settings/judge/networks", data={"network": "x"}, headers=OURS)
        ).status_code == status
    assert "9.9.9.0/24" in (await alice.get("/settings/judge")).text
