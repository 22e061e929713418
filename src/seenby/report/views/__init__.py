"""Counting views: the same judged hits, counted as Seenby counts and as other products do.

Every view is pure. A person who moves here finds the figures they know, and people only beside them.
"""

from collections.abc import Mapping
from typing import Final

from seenby.report.views.classes import act_on, constant_contact
from seenby.report.views.flags import iterable, mailgun, sendgrid
from seenby.report.views.gong import gong, gong_thread
from seenby.report.views.marketo import MARKETO
from seenby.report.views.ours import people, raw, unique
from seenby.report.views.view import Figures, Part, View

__all__ = ["PEOPLE", "VIEWS", "Figures", "Part", "View", "view_named"]

PEOPLE: Final = View(
    name="people",
    title="People only",
    sentence="Opens and clicks that were read as a person's, repeats folded.",
    read=people,
)
_ALL: Final = (
    PEOPLE,
    View(name="raw", title="Everything", sentence="Every fetch counts, whoever it was.", read=raw),
    View(
        name="unique",
        title="Everything, each recipient once",
        sentence="Every fetch, but a recipient's opens once and their clicks once a link.",
        read=unique,
        source="Twilio SendGrid, glossary, “Open & Unique Open”",
    ),
    View(
        name="gong",
        title="Gong",
        sentence="Opens within an hour are one, and so are those of a thread; machines are not told apart.",
        read=gong,
        thread=gong_thread,
        source="Gong, help center, “How does email tracking work?”",
    ),
    *MARKETO,
    View(
        name="mailgun",
        title="Mailgun",
        sentence="Every event counts; `client-info.bot` says apple, gmail, generic, or nothing.",
        read=mailgun,
        source="Mailgun, user manual, “Open and Click Bot Detection”",
    ),
    View(
        name="sendgrid",
        title="SendGrid",
        sentence="Every event counts; `sg_machine_open` is true on Apple's privacy prefetch, clicks carry no flag.",
        read=sendgrid,
        source="Twilio SendGrid, “Event Webhook Reference”",
    ),
    View(
        name="iterable",
        title="Iterable",
        sentence="Every event counts; `isBot` marks scanners, `proxySource` names the provider that fetched an open.",
        read=iterable,
        source="Iterable, support center, system webhooks: email open and email click",
    ),
    View(
        name="constant-contact",
        title="Constant Contact",
        sentence="A recipient's open is confirmed or a proxy's; a proxy's becomes confirmed when a person shows later.",
        read=constant_contact,
        source="Constant Contact, knowledge base, “Apple Mail Privacy Protection and how it affects your reporting”",
    ),
    View(
        name="act-on",
        title="Act-On",
        sentence="Person, security system or privacy system; one act by a person outweighs all others.",
        read=act_on,
        source="Act-On Connect, “True Open in Act-On Analytics”",
    ),
)
VIEWS: Final[Mapping[str, View]] = {view.name: view for view in _ALL}


def view_named(name: str | None) -> View:
    """The view of this name; people only for one that there is not (any more)."""
    return VIEWS.get(name or "", PEOPLE)
