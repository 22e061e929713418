"""Rules, one cause a file: a hit and its scene in, one finding or silence out.

DECIDING rules say who a hit is; the first that speaks ends the discussion. WEIGHING rules are all asked and add up.
HISTORY rules are weighing rules that also look at what the first round thought of the neighbours. The LEARNED rule
comes last and by itself: nothing that it says moves what is thought of another hit, and it decides nothing.
"""

from typing import Final

from seenby.judge.finding import Rule
from seenby.judge.rules.agent import agent
from seenby.judge.rules.agent_changed import agent_changed
from seenby.judge.rules.all_links import all_links
from seenby.judge.rules.before_sending import before_sending
from seenby.judge.rules.bounce import bounce
from seenby.judge.rules.browser_prefetch import browser_prefetch
from seenby.judge.rules.burst import burst
from seenby.judge.rules.click_scan import click_scan
from seenby.judge.rules.declared import declared_preview, declared_scanner
from seenby.judge.rules.gmail_prefetch import gmail_prefetch
from seenby.judge.rules.habit import habit
from seenby.judge.rules.headers import headers
from seenby.judge.rules.honeypot import honeypot
from seenby.judge.rules.image_proxy import image_proxy, mailbox_proxy
from seenby.judge.rules.machine_company import machine_company
from seenby.judge.rules.mail_host import mail_host
from seenby.judge.rules.method import method
from seenby.judge.rules.network import network
from seenby.judge.rules.office_probe import office_probe
from seenby.judge.rules.one_click import one_click
from seenby.judge.rules.opened_before import clicked_after, opened_before, unopened_click
from seenby.judge.rules.own_place import own_copy, own_device, own_place, resembles_own_device
from seenby.judge.rules.own_view import own_view
from seenby.judge.rules.prior import prior
from seenby.judge.rules.privacy_prefetch import privacy_prefetch
from seenby.judge.rules.reply import reply
from seenby.judge.rules.said import said
from seenby.judge.rules.scattered import scattered
from seenby.judge.rules.sweep import sweep
from seenby.judge.rules.too_soon import too_soon

DECIDING: Final[tuple[Rule, ...]] = (
    said,
    own_view,
    own_place,
    own_device,
    before_sending,
    browser_prefetch,
    declared_scanner,
    declared_preview,
    office_probe,
    one_click,
    method,
    gmail_prefetch,
    privacy_prefetch,
    own_copy,
    bounce,
    image_proxy,
    mailbox_proxy,
)
WEIGHING: Final[tuple[Rule, ...]] = (
    prior,
    agent,
    headers,
    network,
    too_soon,
    burst,
    all_links,
    scattered,
    sweep,
    honeypot,
    resembles_own_device,
    reply,
    mail_host,
)
HISTORY: Final[tuple[Rule, ...]] = (
    opened_before,
    clicked_after,
    unopened_click,
    click_scan,
    machine_company,
    agent_changed,
)
LEARNED: Final[Rule] = habit
