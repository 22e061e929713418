"""Every page that somebody who is signed in can walk to, for the tests that walk."""

from typing import Final

from seenby.web.menu import SETTINGS

MESSAGES: Final = ("/messages/m-offer", "/messages/m-hostile", "/messages/m-bounce", "/messages/m-signed")
LISTS: Final = ("/", "/?words=nothing-like-this", "/feed", "/feed?show=all", "/feed?show=highlights", "/bell")
PEOPLE: Final = ("/people", "/people?find=nobody-is-called-so", "/people/rita@customer.test")
ORGANISATION: Final = ("/people/odd@customer.test", "/organisations/customer.test")
CUTS: Final = ("", "/organisations", "/organisations?by=opened", "/when", "/programs", "/where", "/filtered", "/saved")
REPORTS: Final = tuple(f"/reports{cut}" for cut in CUTS)
SHAPES: Final = ("/reports?shape=table", "/reports?shape=lines", "/reports?shape=funnel")
WRITING: Final = ("/compose", "/drafts", "/templates", "/templates/new")
OTHERS: Final = ("/mailbox", "/mailbox/m-offer-0", "/accuracy", "/unsubscribed", "/nowhere")
PLACES: Final = (
    *LISTS,
    *MESSAGES,
    *PEOPLE,
    *ORGANISATION,
    *REPORTS,
    *SHAPES,
    *WRITING,
    *OTHERS,
    *(place.path for place in SETTINGS),
)
OUTSIDE: Final = ("/sign-in", "/sign-in/no-such-link")
