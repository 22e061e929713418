"""What other products document of their counting, told in our words, and that we count so too."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.judge import REASONS
from seenby.report.timeline import Moment, Opinion
from seenby.report.views import PEOPLE, VIEWS, Figures, view_named
from seenby.report.views import cause as causes
from seenby.report.views.classes import class_of
from seenby.report.views.gong import gong_thread
from seenby.words.verdict import Label, Reason

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PERSON = (Label.HUMAN, "mail_client", "Thunderbird")
GMAIL = (Label.PROXY_HUMAN, "image_proxy", "Gmail's image proxy")
YAHOO = (Label.PROXY_HUMAN, "image_proxy", "Yahoo's image proxy")
APPLE = (Label.PREFETCH, "apple_prefetch", "")
GMAIL_AHEAD = (Label.PREFETCH, "gmail_prefetch", "")
SCRIPT = (Label.SCANNER, "script", "")
PROOFPOINT = (Label.SCANNER, "mail_security", "Proofpoint")
BURST = (Label.SCANNER, "burst", "")
PREVIEW = (Label.PREVIEW_BOT, "declared_preview", "Slack")
OWN = (Label.SELF, "own_address", "")
UNKNOWN = (Label.UNKNOWN, "bare_agent_elsewhere", "")
NOT_JUDGED = None
EVERY_CAUSE = (
    PERSON, GMAIL, YAHOO, APPLE, GMAIL_AHEAD, SCRIPT, PROOFPOINT, BURST, PREVIEW, OWN, UNKNOWN, NOT_JUDGED,
)  # fmt: skip


def hit(who: Any = PERSON, *, at: float = 0, reader: str | None = "rita", link: int | None = None) -> Moment:
    """A fetch `at` seconds after nine; with a link it is a click."""
    when = START + timedelta(seconds=at)
    opinion = None
    if who is not None:
        label, code, detail = who
        opinion = Opinion(
            label=label,
            permille=900,
            reasons=(Reason(code=code, weight=1.0, detail=detail),),
            rules="1",
            counted=label.is_person,
            at=when,
            until=None,
        )
    return Moment(
        hit=f"{reader} {at} {link} {who}",
        at=when,
        channel="open" if link is None else "click",
        reader=reader,
        link=link,
        in_text=False,
        method="GET",
        address=None,
        network=None,
        agent=None,
        headers={},
        settled=False,
        opinion=opinion,
    )


def count(view: str, *hits: Moment) -> Figures:
    return VIEWS[view].read(hits)


def marks(view: str, one: Moment) -> dict[str, str]:
    return dict(count(view, one).marks.get(one.hit, {}))


def part(figures: Figures, name: str) -> tuple[int, int]:
    return next((one.opens, one.clicks) for one in figures.parts if one.name == name)


# ---------------------------------------------------------------- our own


def test_people_only_counts_what_was_read_as_a_person_and_folds_repeats() -> None:
    repeat = hit(at=60)
    assert repeat.opinion is not None
    repeat = replace(repeat, opinion=replace(repeat.opinion, counted=False))
    figures = count("people", hit(), repeat, hit(APPLE, at=5), hit(SCRIPT, link=0), hit(OWN, at=9), hit(UNKNOWN, at=7))
    assert (figures.opens, figures.clicks, figures.openers, figures.clickers) == (1, 0, 1, 0)


def test_everything_counts_every_fetch() -> None:
    hits = [hit(who, at=number) for number, who in enumerate(EVERY_CAUSE)]
    assert count("raw", *hits).opens == len(EVERY_CAUSE)


def test_unique_takes_a_recipients_opens_once_and_their_clicks_once_a_link() -> None:
    hits = [hit(), hit(at=90_000), hit(at=1, link=0), hit(at=2, link=0), hit(at=3, link=1), hit(at=4, reader="omar")]
    figures = count("unique", *hits)
    assert (figures.opens, figures.clicks, figures.openers, figures.clickers) == (2, 2, 2, 1)


def test_a_token_that_all_copies_share_makes_nobody_an_opener() -> None:
    hits = [hit(reader=None), hit(reader=None, at=5)]
    assert count("raw", *hits).opens == 2
    assert count("raw", *hits).openers == 0
    assert count("unique", *hits).opens == 0


# ---------------------------------------------------------------- Gong, “How does email tracking work?”


def test_gong_two_opens_within_an_hour_are_one() -> None:
    hits = [hit(), hit(at=3599, reader="omar")]
    assert count("gong", *hits).opens == 1
    assert count("raw", *hits).opens == 2


def test_gong_an_hour_later_an_open_counts_again() -> None:
    assert count("gong", hit(), hit(at=3600)).opens == 2


def test_gong_opens_of_two_messages_of_a_thread_are_one() -> None:
    assert gong_thread([(START, Label.HUMAN), (START + timedelta(days=1), Label.SCANNER), (START, None)]) == 1
    assert gong_thread([(START, Label.SELF)]) == 0
    assert gong_thread([]) == 0


def test_gong_never_counts_the_senders_own_opens_but_a_scanners_as_anybodys() -> None:
    assert count("gong", hit(OWN), hit(OWN, at=9000)).opens == 0
    assert count("gong", hit(SCRIPT)).opens == 1


# ----------------------------------------------------------- Marketo, “Filtering Email Bot Activity” and its updates


def bots(view: str, *hits: Moment) -> list[str]:
    found = count(view, *hits).marks
    return [found[one.hit]["Is Bot Activity"] for one in hits if one.hit in found]


@pytest.mark.parametrize(
    ("view", "gap", "found"),
    [
        pytest.param("marketo", 0.9, "True", id="0 s: under a second is a robot"),
        pytest.param("marketo", 1.0, "False", id="0 s: a second apart is none"),
        pytest.param("marketo-1", 1.9, "True", id="1 s"),
        pytest.param("marketo-2", 3.0, "False", id="2 s: three are too many"),
        pytest.param("marketo-3", 1.0, "True", id="3 s: a second apart"),
        pytest.param("marketo-3", 4.0, "False", id="3 s: four apart is none"),
    ],
)
def test_marketo_two_clicks_of_one_lead_nearer_than_the_setting_are_both_robots(
    view: str, gap: float, found: str
) -> None:
    assert bots(view, hit(link=0), hit(at=gap, link=1)) == [found, found]


def test_marketo_people_opening_in_the_same_second_are_not_one_lead() -> None:
    assert bots("marketo-3", hit(link=0), hit(at=0.5, reader="omar", link=0)) == ["False", "False"]
    assert bots("marketo-3", hit(reader=None), hit(at=0.5, reader=None)) == ["False", "False"]


def test_marketo_an_open_and_a_click_are_two_kinds() -> None:
    assert bots("marketo", hit(), hit(at=0.2, link=0)) == ["False", "False"]


def test_marketo_an_exact_duplicate_is_not_logged_and_proves_no_robot() -> None:
    first = hit(link=0)
    figures = count("marketo", first, replace(first, hit="then again"))
    assert figures.clicks == 1
    assert figures.marks[first.hit]["Is Bot Activity"] == "False"
    assert "then again" not in figures.marks


@pytest.mark.parametrize(
    ("who", "is_bot", "pattern"),
    [
        pytest.param(SCRIPT, "True", "Match with IAB list", id="on the list by its program"),
        pytest.param(PROOFPOINT, "True", "Match with IAB list", id="on the list by its network"),
        pytest.param(PERSON, "False", "N/A", id="no robot: no pattern applies"),
        pytest.param(BURST, "False", "N/A", id="behaviour other than proximity is not looked at"),
        pytest.param(APPLE, "False", "N/A", id="a privacy prefetch is no robot there"),
        pytest.param(NOT_JUDGED, "", "", id="never examined: empty, not N/A"),
    ],
)
def test_marketo_says_n_a_of_people_and_nothing_of_what_was_not_examined(who: Any, is_bot: str, pattern: str) -> None:
    assert marks("marketo", hit(who)) == {"Is Bot Activity": is_bot, "Bot Activity Pattern": pattern}


def test_marketo_the_list_is_asked_before_proximity() -> None:
    hits = [hit(SCRIPT, link=0), hit(BURST, at=0.5, link=1)]
    found = count("marketo", *hits).marks
    assert [found[one.hit]["Bot Activity Pattern"] for one in hits] == [
        "Match with IAB list",
        "Match with proximity pattern",
    ]


def test_marketo_counts_what_is_no_robots_and_keeps_the_rest_logged() -> None:
    figures = count("marketo", hit(), hit(SCRIPT, link=0))
    assert (figures.opens, figures.clicks) == (1, 0)
    assert part(figures, "logged") == (1, 1)


# ---------------------------------------------------------------- Mailgun, “Open and Click Bot Detection”


@pytest.mark.parametrize(
    ("who", "bot"),
    [
        (APPLE, "apple"),
        (GMAIL_AHEAD, "gmail"),
        (SCRIPT, "generic"),
        (BURST, "generic"),
        (PREVIEW, "generic"),
        (PERSON, ""),
        (GMAIL, ""),
        (UNKNOWN, ""),
        (NOT_JUDGED, ""),
        (OWN, ""),
    ],
)
def test_mailgun_names_the_bot_or_leaves_the_field_empty(who: Any, bot: str) -> None:
    assert marks("mailgun", hit(who)) == {"bot": bot}


def test_mailgun_counts_every_event_and_those_without_a_bot_beside_it() -> None:
    figures = count("mailgun", hit(), hit(APPLE, at=1), hit(SCRIPT, at=2, link=0))
    assert (figures.opens, figures.clicks) == (2, 1)
    assert part(figures, "bot is empty") == (1, 0)


# ---------------------------------------------------------------- SendGrid, “Event Webhook Reference”


@pytest.mark.parametrize(
    ("who", "machine"),
    [(APPLE, "true"), (GMAIL_AHEAD, "false"), (SCRIPT, "false"), (PERSON, "false"), (GMAIL, "false")],
)
def test_sendgrid_flags_apples_opens_alone(who: Any, machine: str) -> None:
    assert marks("sendgrid", hit(who)) == {"sg_machine_open": machine}


def test_sendgrid_filters_no_clicks() -> None:
    figures = count("sendgrid", hit(SCRIPT, link=0))
    assert figures.clicks == 1
    assert part(figures, "sg_machine_open is false") == (0, 1)
    assert marks("sendgrid", hit(SCRIPT, link=0)) == {}


@pytest.mark.parametrize(
    ("hits", "total", "adjusted"),
    [
        pytest.param([], 0, 0, id="1: without Apple's protection, not opened"),
        pytest.param([hit()], 1, 1, id="2: without it, opened"),
        pytest.param([hit(APPLE)], 1, 0, id="3: protected, not opened"),
        pytest.param([hit(APPLE)], 1, 0, id="4: protected, opened, which nobody can see"),
        pytest.param([], 0, 0, id="5: Apple Mail with protection off, not opened"),
        pytest.param([hit((Label.HUMAN, "mail_client", "Apple Mail"))], 1, 1, id="6: protection off, opened"),
    ],
)
def test_the_six_cases_of_apples_protection_come_out_as_clickdimensions_tells_them(
    hits: Sequence[Moment], total: int, adjusted: int
) -> None:
    figures = count("sendgrid", *hits)
    assert (figures.opens, part(figures, "sg_machine_open is false")[0]) == (total, adjusted)


# ---------------------------------------------------------------- Iterable, system webhooks


@pytest.mark.parametrize(
    ("who", "is_bot", "proxy"),
    [
        (GMAIL, "false", "Gmail"),
        (YAHOO, "false", "Yahoo"),
        (APPLE, "false", "Apple"),
        (GMAIL_AHEAD, "false", "Gmail"),
        ((Label.PROXY_HUMAN, "image_proxy", ""), "false", ""),
        (PERSON, "false", ""),
        (SCRIPT, "true", ""),
        (BURST, "true", ""),
    ],
)
def test_iterable_names_the_proxy_apart_from_the_bot(who: Any, is_bot: str, proxy: str) -> None:
    assert marks("iterable", hit(who)) == {"isBot": is_bot, "proxySource": proxy}
    assert marks("iterable", hit(who, link=0)) == {"isBot": is_bot}


# ---------------------------------------------------------------- Constant Contact, “Apple Mail Privacy Protection …”


def test_constant_contact_a_proxy_open_alone_stays_a_proxy_open() -> None:
    figures = count("constant-contact", hit(APPLE), hit(reader="omar"))
    assert figures.opens == 1
    assert part(figures, "proxy opens") == (1, 0)


def test_constant_contact_a_click_later_makes_a_proxy_open_a_confirmed_one_and_says_when() -> None:
    ahead, click = hit(APPLE), hit(at=600, link=0)
    figures = count("constant-contact", ahead, click)
    assert part(figures, "confirmed opens") == (1, 0)
    assert part(figures, "proxy opens") == (0, 0)
    assert figures.marks[ahead.hit] == {
        "open": "confirmed",
        "was": "proxy",
        "confirmed at": "2026-11-02T09:10:00+00:00",
    }


def test_constant_contact_a_robots_click_confirms_nothing() -> None:
    figures = count("constant-contact", hit(APPLE), hit(SCRIPT, at=600, link=0))
    assert part(figures, "confirmed opens") == (0, 0)
    assert figures.clicks == 0


# ---------------------------------------------------------------- Act-On, “True Open in Act-On Analytics”


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        (PERSON, "person"),
        (GMAIL, "person"),
        (SCRIPT, "security system"),
        (PREVIEW, "security system"),
        (APPLE, "privacy system"),
        (GMAIL_AHEAD, "privacy system"),
    ],
)
def test_act_on_puts_each_event_into_one_of_three_classes(who: Any, kind: str) -> None:
    assert marks("act-on", hit(who)) == {"True Open": kind}


def test_act_on_one_click_by_a_person_outweighs_ten_by_security_systems() -> None:
    hits = [hit(SCRIPT, at=number, link=0) for number in range(10)]
    assert class_of(hits) == "security system"
    assert class_of([*hits, hit(at=60, link=0)]) == "person"
    figures = count("act-on", *hits, hit(at=60, link=0))
    assert figures.clicks == 1
    assert part(figures, "person, recipients") == (0, 1)
    assert part(figures, "security system, recipients") == (0, 0)


# ---------------------------------------------------------------- all of them

hits = st.builds(
    hit,
    st.sampled_from(EVERY_CAUSE),
    at=st.integers(0, 40).map(lambda quarter: quarter / 4),
    reader=st.sampled_from(["rita", "omar", None]),
    link=st.sampled_from([None, 0, 1]),
)


@given(st.lists(hits, max_size=20, unique_by=lambda one: one.hit), st.sampled_from(sorted(VIEWS)))
def test_no_view_counts_more_than_was_fetched(found: Sequence[Moment], name: str) -> None:
    figures, most = VIEWS[name].read(found), VIEWS["raw"].read(found)
    assert 0 <= figures.openers <= most.openers or name == "constant-contact"  # there a click confirms an open
    assert 0 <= figures.clicks <= most.clicks
    assert figures.clickers <= most.clickers
    assert set(figures.marks) <= {one.hit for one in found}


@given(st.lists(hits, max_size=20, unique_by=lambda one: one.hit), st.sampled_from(sorted(VIEWS)))
def test_the_order_in_which_hits_are_read_changes_no_figure(found: list[Moment], name: str) -> None:
    one, other = VIEWS[name].read(found), VIEWS[name].read(found[::-1])
    assert (one.opens, one.clicks, one.openers, one.clickers, one.parts) == (
        other.opens, other.clicks, other.openers, other.clickers, other.parts,
    )  # fmt: skip


def test_a_view_that_there_is_not_is_people_only() -> None:
    assert view_named("omniture") is PEOPLE
    assert view_named(None) is PEOPLE


def test_every_view_of_another_product_names_the_page_it_follows() -> None:
    assert [view.name for view in VIEWS.values() if not view.source] == ["people", "raw"]


def test_the_reasons_that_views_ask_for_are_reasons_of_the_judge() -> None:
    asked = causes._APPLE | causes._AHEAD | causes._LISTED | causes._PROXIES
    assert asked <= set(REASONS)
