"""How often the judge is wrong on our own labelled cases, beside what others have published, and without each family.

Two errors, never folded into one: FALSE HUMAN (a machine or the sender shown as a person) and LOST HUMAN (a person
hidden as a machine). `make accuracy` prints them; tests/unit/test_judge_accuracy.py fails when either rises.
"""

import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from ua_parser import parse

from seenby.judge import Evidence, judge, judge_case, judging
from seenby.judge.agents import agent_of
from seenby.judge.cases import read_case
from seenby.judge.lists.agents import AgentKind
from seenby.judge.lists.networks import NetworkKind
from seenby.judge.networks import network_of, same_line
from seenby.judge.rules import DECIDING
from seenby.judge.weights import CAPS, Family

FOLDER = Path(__file__).parent / "judge"
FILES = sorted(FOLDER.glob("*.json"))
CASES: list[Any] = [case for file in FILES for case in json.loads(file.read_text())]
LABEL_SIDE = {"label", "accept", "p_human", "why", "actor"}
PEOPLE = {"human", "proxy_human", "unknown"}
MACHINES = {"prefetch", "scanner", "self", "preview_bot", "unknown"}

Hit = Mapping[str, Any]
Rule = Callable[[Mapping[str, Any]], Sequence[bool]]  # for each hit of a case: is it a machine's
Counts = tuple[int, int, int, int]  # false human, of; lost human, of


def without_labels(case: Any) -> Any:
    """A case as a detector may see it."""
    bare = {key: case[key] for key in ("id", "message", "context")}
    bare["hits"] = [{key: hit[key] for key in hit if key not in LABEL_SIDE} for hit in case["hits"]]
    return bare


def counted(cases: Sequence[Any], labels: Callable[[Any], Sequence[str]]) -> Counts:
    """Both errors of something that labels the hits of a case."""
    false_human = machines = lost_human = people = 0
    for case in cases:
        for hit, label in zip(case["hits"], labels(without_labels(case)), strict=True):
            accepted = set(hit["accept"])
            if accepted <= MACHINES:
                machines += 1
                false_human += label in PEOPLE - {"unknown"}
            if accepted <= PEOPLE:
                people += 1
                lost_human += label in MACHINES - {"unknown"}
    return false_human, machines, lost_human, people


def judged(case: Any) -> list[str]:
    """Our labels."""
    return [hit["label"] for hit in judge_case(case)["hits"]]


def by(rule: Rule) -> Callable[[Any], Sequence[str]]:
    """A published rule's labels."""
    return lambda case: ["scanner" if machine else "human" for machine in rule(case)]


# ---------------------------------------------------------------- what others have published


def count_everything(case: Any) -> list[bool]:
    """Every request is a person."""
    return [False for _ in case["hits"]]


def proximity(case: Any, seconds: float = 1.0) -> list[bool]:
    """Marketo: two activities of one person and kind on one mail within a second are a machine's, both of them."""
    hits = case["hits"]
    return [
        any(
            one is not other
            and (one["rid"], one["kind"]) == (other["rid"], other["kind"])
            and abs(one["t"] - other["t"]) < seconds
            for other in hits
        )
        for one in hits
    ]


def clouds_and_security(case: Any) -> list[bool]:
    """Every cloud and security network is a machine's."""
    kinds = {NetworkKind.MAIL_SECURITY, NetworkKind.WEB_PROXY, NetworkKind.CLOUD, NetworkKind.MICROSOFT,
             NetworkKind.HOSTING}  # fmt: skip
    return [network_of(hit["ip"]).kind in kinds for hit in case["hits"]]


def two_of_three(case: Any) -> list[bool]:
    """Mautic: two of: within two seconds, a listed address (the list is empty at first), an agent that says it is a
    bot."""
    return [hit["t"] < 2 and says_bot(hit) for hit in case["hits"]]


def every_link(case: Any) -> list[bool]:
    """CustomerMinds: with three links and more, as many clicks as links are a machine's, those beyond are genuine."""
    links = case["message"]["n_links"]
    seen: dict[str, int] = {}
    clicked = [hit["rid"] for hit in case["hits"] if hit["kind"] == "click"]
    told = []
    for hit in case["hits"]:
        seen[hit["rid"]] = seen.get(hit["rid"], 0) + (hit["kind"] == "click")
        many = links >= 3 and clicked.count(hit["rid"]) >= links
        told.append(hit["kind"] == "click" and many and seen[hit["rid"]] <= links)
    return told


def too_early(case: Any) -> list[bool]:
    """Notifuse: nothing counts in the first seven seconds."""
    return [hit["t"] < 7 for hit in case["hits"]]


def clicked_unopened(case: Any) -> list[bool]:
    """Notifuse: a click before any open is none, if it comes within thirty seconds."""
    opens = [hit["t"] for hit in case["hits"] if hit["kind"] == "open"]
    return [hit["kind"] == "click" and hit["t"] < 30 and not any(t < hit["t"] for t in opens) for hit in case["hits"]]


def trapped(case: Any) -> list[bool]:
    """Paminga: after the hidden link, the same address or agent is a machine's for a quarter of an hour."""
    traps = [hit for hit in case["hits"] if hit["link"] == "hp"]
    return [
        any(
            abs(hit["t"] - trap["t"]) <= 900 and (hit["ip"] == trap["ip"] or hit["user_agent"] == trap["user_agent"])
            for trap in traps
        )
        for hit in case["hits"]
    ]


def says_bot(hit: Hit) -> bool:
    """A list of agents: those that name themselves, programs' libraries, no name at all."""
    kind = agent_of(hit["user_agent"]).kind
    return kind in {AgentKind.SCANNER, AgentKind.PREVIEW, AgentKind.IMESSAGE, AgentKind.SCRIPT, AgentKind.HEADLESS,
                    AgentKind.EMPTY}  # fmt: skip


def listed_agents(case: Any) -> list[bool]:
    """Agents on a list, HEAD, and the two prefetches by their agent."""
    return [
        says_bot(hit)
        or hit["method"] == "HEAD"
        or hit["user_agent"] == "Mozilla/5.0"
        or hit["user_agent"].endswith("Edge/12.246 Mozilla/5.0")
        for hit in case["hits"]
    ]


def own_addresses(case: Any) -> list[bool]:
    """The team's known addresses."""
    return [any(same_line(hit["ip"], own) for own in case["message"]["sender"]["known_ips"]) for hit in case["hits"]]


PUBLISHED: Mapping[str, Rule] = {
    "count everything": count_everything,
    "Mautic's two of three signs": two_of_three,
    "Marketo's proximity, one second": proximity,
    "every cloud and security network": clouds_and_security,
    "nothing in seven seconds": too_early,
    "every link clicked": every_link,
    "agents on a list": listed_agents,
}


def all_published(case: Any) -> list[bool]:
    """A machine's as soon as one published rule says so."""
    rules = [*PUBLISHED.values(), clicked_unopened, trapped, own_addresses]
    return [any(row) for row in zip(*(rule(case) for rule in rules), strict=True)]


# ---------------------------------------------------------------- the judge with a part taken out, and moved


@contextmanager
def ablated(family: Family) -> Iterator[None]:
    """The judge without the rules of one family."""
    caps = {**CAPS, family: (0.0, 0.0)}

    def silenced(rule: Any) -> Any:
        def quiet(trace: Any, scene: Any) -> Any:
            finding = rule(trace, scene)
            return None if finding is None or finding.family is family else finding

        return quiet

    deciding = tuple(silenced(rule) for rule in DECIDING)
    with patch.object(judging, "CAPS", caps), patch.object(judging, "DECIDING", deciding):
        yield


def stretched(case: Any, factor: float) -> Any:
    """All times earlier or later by a share."""
    moved = json.loads(json.dumps(case))
    for row in (*moved["hits"], *moved["context"].get("own_view_events", ())):
        row["t"] *= factor
    if moved["context"].get("reply_t") is not None:
        moved["context"]["reply_t"] *= factor
    return moved


def newer(case: Any) -> Any:
    """All browsers two versions on, in their names and in their hints."""
    moved = json.loads(json.dumps(case))
    for hit in moved["hits"]:
        hit["user_agent"] = re.sub(
            r"\b((?:Chrome|Firefox|Version|Edg|Thunderbird)/|rv:)(\d+)",
            lambda found: f"{found[1]}{int(found[2]) + 2}",
            hit["user_agent"],
        )
        if "sec-ch-ua" in hit["headers"]:
            hints = re.sub(r'v="(\d+)"', lambda found: f'v="{int(found[1]) + 2}"', hit["headers"]["sec-ch-ua"])
            hit["headers"]["sec-ch-ua"] = hints
    return moved


MOVES: Mapping[str, Callable[[Any], Any]] = {
    "all times a fifth earlier": lambda case: stretched(case, 0.8),
    "all times a fifth later": lambda case: stretched(case, 1.2),
    "browsers two versions on": newer,
}


# ---------------------------------------------------------------- harder than life: every sign but some taken away

_HOME: Final = ("73.32.90.14", "93.192.4.9", "86.150.4.30", "189.46.7.77", "82.64.12.8", "24.16.3.90", "91.64.12.30")
_AMAZON: Final = ("3.120.9.10", "52.29.14.7", "18.194.20.3")
_VPN: Final = ("146.70.36.12", "138.199.21.40", "185.159.157.3")
_PARTS: Final = {"open": "image", "click": "document"}


def dressed(case: Any) -> Any:
    """Every scanner that calls itself a Chrome sends what a Chrome sends."""
    moved = json.loads(json.dumps(case))
    for hit in moved["hits"]:
        version = re.fullmatch(r"Mozilla/5\.0 .*Chrome/(\d+)[\d.]* Safari/[\d.]+(?: Edg/[\d.]+)?", hit["user_agent"])
        if hit["label"] == "scanner" and version and "Headless" not in hit["user_agent"]:
            hit["headers"] = {
                "Accept-Language": "en-US,en;q=0.9",
                "Sec-Fetch-Dest": _PARTS[hit["kind"]],
                "Sec-Fetch-Mode": "no-cors" if hit["kind"] == "open" else "navigate",
                "sec-ch-ua": f'"Chromium";v="{version[1]}"',
            }
    return moved


def moved_to(case: Any, label: str, places: Sequence[str], *, scattered: bool = False) -> Any:
    """Every hit of one label from other places: each address has a new one, or each request."""
    moved = json.loads(json.dumps(case))
    new: dict[str, str] = {}
    for at, hit in enumerate(moved["hits"]):
        if hit["label"] == label:
            key = str(at) if scattered else hit["ip"]
            hit["ip"] = new.setdefault(key, places[len(new) % len(places)])
    return moved


HARDSHIPS: Mapping[str, Callable[[Any], Any]] = {
    "scanners send what browsers send": dressed,
    "scanners at home": lambda case: moved_to(case, "scanner", _HOME),
    "both": lambda case: moved_to(dressed(case), "scanner", _HOME),
    "both, a home for each request": lambda case: moved_to(dressed(case), "scanner", _HOME, scattered=True),
    "all people behind a VPN's exit": lambda case: moved_to(case, "human", _VPN),
    "all people in Amazon's cloud": lambda case: moved_to(case, "human", _AMAZON),
}


def share(wrong: int, of: int) -> str:
    """A share with its 95 % interval after Wilson."""
    p, d = wrong / of, 1 + 1.96**2 / of
    middle, spread = p + 1.96**2 / (2 * of), 1.96 * math.sqrt(p * (1 - p) / of + 1.96**2 / (4 * of * of))
    low, high = 100 * max(middle - spread, 0) / d, 100 * (middle + spread) / d
    return f"{wrong:3}/{of} {100 * p:5.1f} % [{low:4.1f}, {high:4.1f}]"


def speed() -> Iterator[tuple[str, float]]:
    """Hits judged in a second of one processor, each address looked up anew; beside it, what everybody can try."""
    evidence = [read_case(without_labels(case)) for case in CASES]
    pool = [seen for one in evidence for seen in one.hits]
    dice = random.Random(1)
    many = tuple(
        replace(dice.choice(pool), id=str(at), reader=f"r{at % 500}", t=dice.uniform(0, 9000), address=_anywhere(dice))
        for at in range(10_000)
    )
    newsletter = Evidence(sent_at=evidence[0].sent_at, hits=many, mode="campaign", n_links=5, honeypot=True)
    network_of("1.1.1.1")  # reads the table
    yield "hits judged, a few to a message", len(pool) / _seconds(lambda: all(map(_judge_anew, evidence)))
    yield "hits judged, 10,000 of one message", len(many) / _seconds(lambda: _judge_anew(newsletter))
    turn = count()  # ua-parser remembers what it has read
    yield (
        "agents read by ua-parser, for comparison",
        len(pool) / _seconds(lambda: [parse(f"{seen.agent} {next(turn)}") for seen in pool]),
    )


def _anywhere(dice: random.Random) -> str:
    return str(IPv4Address(dice.randrange(2**24, 223 * 2**24)))


def _judge_anew(evidence: Evidence) -> bool:
    network_of.cache_clear()
    return bool(judge(evidence))


def _seconds(work: Callable[[], object]) -> float:
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Print everything."""
    print(f"{len(CASES)} cases, {sum(len(case['hits']) for case in CASES)} hits\n")
    print(f"{'':36}{'false human':>30}{'lost human':>32}")

    def line(name: str, counts: Counts) -> None:
        print(f"{name:36}{share(*counts[:2]):>30}{share(*counts[2:]):>32}")

    line("the judge", counted(CASES, judged))
    for file in FILES:
        line(f"  {file.stem}", counted(json.loads(file.read_text()), judged))
    for name, move in MOVES.items():
        line(f"  {name}", counted([move(case) for case in CASES], judged))
    print()
    for name, move in HARDSHIPS.items():
        line(name, counted([move(case) for case in CASES], judged))
    print()
    for family in Family:
        with ablated(family):
            line(f"without {family}", counted(CASES, judged))
    print()
    for name, rule in PUBLISHED.items():
        line(name, counted(CASES, by(rule)))
    line("all published rules together", counted(CASES, by(all_published)))
    print()
    for name, rate in speed():
        print(f"{name:44}{rate:>10,.0f} /s")


if __name__ == "__main__":
    main()
