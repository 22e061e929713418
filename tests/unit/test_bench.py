"""The benches measure what they say, and say why when they cannot. How fast things are is not tested."""

import shutil

import pytest

from seenby.bench import BenchError, bench_text, customary, run_bench
from seenby.bench.figures import columns, short, spread
from seenby.bench.gateway import bench_gateway
from seenby.bench.instrument import bench_instrument, has_pytracking, pytracking_work
from seenby.bench.letters import newsletter, sales_mail
from seenby.bench.pages import bench_pages
from seenby.bench.tracker import bench_tracker
from seenby.instrument import analyse
from tests.conftest import require

URL = "https://t.test"


def quiet(doing: str, share: float) -> None:
    assert doing
    assert 0 <= share <= 1


@pytest.mark.parametrize(("letter", "size", "links"), [(sales_mail, 2_000, 3), (newsletter, 60_000, 40)])
def test_both_ways_find_the_same_links_in_the_letters_they_are_measured_with(letter, size, links):
    raw = letter()
    ours, theirs = analyse(raw, tracking_url=URL), customary.read(raw)
    assert len(ours.links) == len(theirs.links) == links
    assert ours.pixel_possible
    assert abs(len(raw) - size) < size / 5


def test_the_customary_copy_is_a_tracked_copy():
    made = customary.make_copy(customary.read(newsletter()), key=b"k" * 32, who="rita", tracking_url=URL)
    assert made.count(b'href="https://t.test/c/') == 40
    assert made.count(b'src="https://t.test/o/') == 1


def test_pytracking_is_given_the_same_links_and_makes_them_tracked_ones():
    require(has_pytracking(), "pytracking")
    work = pytracking_work(customary.read(newsletter()).html)
    assert work is not None
    assert work().count('href="https://t.example.net/c/') == 40
    assert work().count('src="https://t.example.net/o/') == 1


def test_the_instrument_bench_says_how_much_faster_than_the_customary_way():
    figures = bench_instrument(rounds=2, tell=quiet, seconds=0)
    assert [told["message"] for told in figures["messages"]] == ["sales mail", "newsletter"]
    for told in figures["messages"]:
        assert told["ratio_stamped"]["low"] <= told["ratio_stamped"]["median"] <= told["ratio_stamped"]["high"]
        assert told["peak_memory_bytes"] > 0
    assert "newsletter, 60 KB, 40 links" in bench_text(figures)


@pytest.mark.parametrize(
    ("what", "rounds", "why"),
    [("kettle", 1, "no bench 'kettle'"), ("instrument", 0, "Write 1 or more")],
    ids=["a bench that is none", "no rounds"],
)
def test_what_cannot_be_measured_is_one_sentence(what, rounds, why):
    with pytest.raises(BenchError, match=why):
        run_bench(what, rounds=rounds, tell=quiet)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["wrk", "our own"])
def test_the_tracker_bench_loads_a_real_tracker_and_every_answer_is_good(client, monkeypatch):
    if client == "wrk" and shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    if client != "wrk":
        monkeypatch.setattr("shutil.which", lambda name, **_where: None)
    figures = bench_tracker(rounds=1, tell=quiet, seconds=0.2, tokens=100)
    assert figures["load"] == ("wrk" if client == "wrk" else "seenby.bench.client")
    for told in figures["measured"]:
        assert told["errors"]["high"] == 0
        assert told["requests_per_second"]["median"] > 0
        assert told["peak_memory_bytes"]["median"] > 0
    has_nginx = any(told["server"] == "nginx" for told in figures["measured"])
    assert (figures["ratio_to_nginx"] is None) == (figures["ratio_to_nginx_64"] is None) == (not has_nginx)
    assert "ratio to nginx, pixels, 256 connections" in bench_text(figures)
    assert {told["asked"] for told in figures["measured"]} >= {"pixels", "links"}
    assert [told["rate"] for told in figures["measured"] if told["rate"]] == [5000]


@pytest.mark.slow
def test_the_gateway_bench_sends_every_message_the_whole_way():
    figures = bench_gateway(rounds=1, tell=quiet, messages=20)
    servers = {told["server"]: told for told in figures["measured"]}
    assert set(servers) == ({"seenby", "postfix"} if figures["postfix"] == "measured" else {"seenby"})
    for told in servers.values():
        assert told["messages_per_second"]["median"] > 0
        assert told["refused"]["high"] == 0
    assert (figures["ratio_to_postfix"] is None) == ("postfix" not in servers)
    assert "ratio to Postfix" in bench_text(figures)


@pytest.mark.slow
def test_the_bench_of_pages_asks_for_every_page_with_little_mail_and_with_more():
    figures = bench_pages(rounds=1, tell=quiet, sizes=(30, 60), ways=1)
    assert len(figures["measured"]) == 17
    for told in figures["measured"]:
        assert 0 < told["p50_ms"]["median"] <= told["p95_ms"]["median"]
        assert told["ratio_to_little"]["median"] > 0
    assert "60 messages with 20 hits each" in bench_text(figures)


def test_a_figure_is_short_and_its_spread_honest():
    assert [short(value) for value in (0.1234, 12.34, 123.4, 4321, 12_345, 543_210, 12_345_678)] == [
        "0.123", "12.3", "123", "4321", "12.3k", "543k", "12.3M",
    ]  # fmt: skip
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 3.0}
    assert columns([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc   d"
