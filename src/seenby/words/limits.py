"""Every limit of the product in one table. `seenby limits` prints it; tests try each at the limit and one above."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One bound: its name, the number, its unit, and what happens beyond it."""

    name: str
    value: int
    unit: str
    beyond: str


MESSAGE_BYTES: Final = 26_214_400  # 25 MiB, what large providers take
RECIPIENTS: Final = 100  # RFC 5321 4.5.3.1.8: the least a server must take
LINE_BYTES: Final = 998  # RFC 5322 2.1.1, without CRLF
SMTP_COMMAND_BYTES: Final = 2048  # RFC 5321 4.5.3.1.4 asks for 512 and more for extensions; AUTH needs room
HEADER_BYTES: Final = 262_144
PARTS: Final = 1000
DEPTH: Final = 50
LINKS: Final = 1000
HTML_BYTES: Final = 5_242_880
TARGET_BYTES: Final = 8000
URL_CHARACTERS: Final = 2000
REQUEST_BYTES: Final = 16_384
REQUEST_SECONDS: Final = 15
SMTP_SECONDS: Final = 300  # RFC 5321 4.5.3.2.7
SMTP_DIALOGS: Final = 500  # each holds a file; the pages share the process
AUTH_FAILURES: Final = 5  # in one SMTP session
REPORT_BYTES: Final = 1_048_576  # 1 MiB; most servers quote the headers only, or cut what they quote far below
REPORTS: Final = 50  # whoever got a message knows its return address
REFUSED_STRANGERS: Final = 5  # recipients, in one SMTP session
BROWSERS: Final = 20
SAVED_REPORTS: Final = 50
FORM_BYTES: Final = 65_536
OWN_VIEWS: Final = 1000  # of one message
MX_SECONDS: Final = 2
MX_AT_ONCE: Final = 50  # domains, each with one query
MX_WAITING: Final = 10_000
MX_KNOWN: Final = 604_800  # 7 days; people change their mail provider rarely
MX_UNKNOWN: Final = 3600
HABIT_COPIES: Final = 2000  # half of the older ones go when it is reached, so that habits can change
LABEL_CHARACTERS: Final = 40
SAVED_FILTERS: Final = 50  # of one sender
NOTE_CHARACTERS: Final = 2000
EXPORTED: Final = 100_000  # messages; a workbook is made in memory
OWN_NETWORKS: Final = 50  # every hit is held against each
NEVER_HOSTS: Final = 200  # each message keeps the list that it was accepted with
ATTACHED_BYTES: Final = 18_874_368  # 18 MiB of files come to 25 in base64
ATTACHMENTS: Final = 20  # of one message
WRITTEN_BYTES: Final = 2_097_152  # a form: text in %-escapes is three times as long
TEXT_CHARACTERS: Final = 400_000  # of one message's HTML
APART_BYTES: Final = 104_857_600  # of files in all the messages that one draft becomes
DRAFTS: Final = 200  # of one sender
DRAFT_BYTES: Final = 262_144_000  # of files in all of a sender's drafts
TEMPLATES: Final = 200  # of one team
FIELDS: Final = 20
FIELD_CHARACTERS: Final = 500
SCHEDULE_DAYS: Final = 366
UNDO_SECONDS: Final = 10
IMAP_SECONDS: Final = 60
PASSKEYS: Final = 20
PASSKEY_CHARACTERS: Final = 60
CHALLENGES: Final = 100_000  # strangers ask for them

LIMITS: Final = (
    Limit(name="message size", value=MESSAGE_BYTES, unit="bytes", beyond="refused with 552 5.3.4"),
    Limit(name="recipients of one message", value=RECIPIENTS, unit="", beyond="refused with 452 4.5.3"),
    Limit(name="line in a message", value=LINE_BYTES, unit="bytes", beyond="refused with 500 5.6.0"),
    Limit(name="SMTP command", value=SMTP_COMMAND_BYTES, unit="bytes", beyond="refused with 500 5.5.2"),
    Limit(name="SMTP silence", value=SMTP_SECONDS, unit="seconds", beyond="the connection is closed with 421"),
    Limit(name="SMTP connections at once", value=SMTP_DIALOGS, unit="", beyond="turned away with 421, try again"),
    Limit(name="failed AUTH in one session", value=AUTH_FAILURES, unit="", beyond="the connection is closed with 421"),
    Limit(name="mail to a return address", value=REPORT_BYTES, unit="bytes", beyond="refused with 552 5.3.4"),
    Limit(
        name="mails to one return address", value=REPORTS, unit="", beyond="refused with 550 5.7.1, but for its bounce"
    ),
    Limit(
        name="recipients refused for want of AUTH in one session",
        value=REFUSED_STRANGERS,
        unit="",
        beyond="the connection is closed with 421",
    ),
    Limit(name="a label, a saved filter's name", value=LABEL_CHARACTERS, unit="characters", beyond="the rest is cut"),
    Limit(name="saved filters of one sender", value=SAVED_FILTERS, unit="", beyond="no more are saved"),
    Limit(name="a note about a person", value=NOTE_CHARACTERS, unit="characters", beyond="the rest is cut"),
    Limit(name="messages in one file", value=EXPORTED, unit="", beyond="the newest are in it"),
    Limit(name="own views of a message", value=OWN_VIEWS, unit="", beyond="refused with 429"),
    Limit(name="headers of a message", value=HEADER_BYTES, unit="bytes", beyond="the message goes out untouched"),
    Limit(name="MIME parts", value=PARTS, unit="", beyond="the message goes out untouched"),
    Limit(name="MIME depth", value=DEPTH, unit="levels", beyond="the message goes out untouched"),
    Limit(name="HTML part", value=HTML_BYTES, unit="bytes", beyond="the part stays untouched"),
    Limit(name="tracked links in a message", value=LINKS, unit="", beyond="further links stay as they are"),
    Limit(name="target of a link", value=TARGET_BYTES, unit="bytes", beyond="the link stays as it is"),
    Limit(name="tracking URL", value=URL_CHARACTERS, unit="characters", beyond="the link stays as it is"),
    Limit(name="HTTP request head at the tracker", value=REQUEST_BYTES, unit="bytes", beyond="431, connection closed"),
    Limit(name="HTTP request at the tracker", value=REQUEST_SECONDS, unit="seconds", beyond="connection closed"),
    Limit(
        name="hosts that a sender keeps out of tracking", value=NEVER_HOSTS, unit="", beyond="not saved, and said so"
    ),
    Limit(name="networks that a team names as its own", value=OWN_NETWORKS, unit="", beyond="no more are added"),
    Limit(name="MX look-up", value=MX_SECONDS, unit="seconds", beyond="the mail host is not known"),
    Limit(name="MX look-ups at once", value=MX_AT_ONCE, unit="", beyond="later ones wait; mail does not"),
    Limit(name="copies waiting for an MX look-up", value=MX_WAITING, unit="", beyond="the oldest go without"),
    Limit(name="belief in a mail host", value=MX_KNOWN, unit="seconds", beyond="the next mail there asks again"),
    Limit(name="belief that there is none", value=MX_UNKNOWN, unit="seconds", beyond="the next mail there asks again"),
    Limit(name="copies behind a habit", value=HABIT_COPIES, unit="", beyond="the older ones count half"),
    Limit(name="a sender's browsers for notifications", value=BROWSERS, unit="", beyond="not added, and said so"),
    Limit(name="a sender's passkeys", value=PASSKEYS, unit="", beyond="not added, and said so"),
    Limit(name="a passkey's name", value=PASSKEY_CHARACTERS, unit="characters", beyond="the rest is cut"),
    Limit(name="sign-ins by passkey under way", value=CHALLENGES, unit="", beyond="later ones are asked to wait"),
    Limit(name="saved reports of one sender", value=SAVED_REPORTS, unit="", beyond="not saved, and said so"),
    Limit(name="form on a page", value=FORM_BYTES, unit="bytes", beyond="refused with 413"),
    Limit(name="files of one message", value=ATTACHED_BYTES, unit="bytes", beyond="not added, and said so"),
    Limit(name="number of files of one message", value=ATTACHMENTS, unit="", beyond="not added, and said so"),
    Limit(name="form of a message that is written", value=WRITTEN_BYTES, unit="bytes", beyond="refused with 413"),
    Limit(name="text of a message that is written", value=TEXT_CHARACTERS, unit="characters", beyond="not saved"),
    Limit(
        name="files in the messages that one draft becomes", value=APART_BYTES, unit="bytes", beyond="nothing is sent"
    ),
    Limit(name="drafts of one sender", value=DRAFTS, unit="", beyond="no more are saved, and said so"),
    Limit(name="files in a sender's drafts", value=DRAFT_BYTES, unit="bytes", beyond="not added, and said so"),
    Limit(name="templates of one team", value=TEMPLATES, unit="", beyond="no more are saved, and said so"),
    Limit(name="fields of a message", value=FIELDS, unit="", beyond="the table is refused, and said so"),
    Limit(name="value of a field", value=FIELD_CHARACTERS, unit="characters", beyond="the rest is cut"),
    Limit(name="schedule of a message", value=SCHEDULE_DAYS, unit="days ahead", beyond="refused, and said so"),
    Limit(name="time to take a message back", value=UNDO_SECONDS, unit="seconds", beyond="it goes"),
    Limit(
        name="filing in a Sent folder",
        value=IMAP_SECONDS,
        unit="seconds",
        beyond="the connection is closed; tried again",
    ),
)
