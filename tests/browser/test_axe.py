"""axe-core on every page: what it calls serious or critical fails, wide and narrow, light and dark.

The script goes in through the debugger, past the pages' Content-Security-Policy: the policy under test stays as it is.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.places import OUTSIDE, PLACES
from tests.browser.test_pages import House, chromium, house, lively, visitor
from tests.conftest import require

__all__ = ["chromium", "house", "lively", "visitor"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]
AXE: Final = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}
WIDE: Final[ViewportSize] = {"width": 1600, "height": 900}
# What colours can break is asked in both schemes; structure does not change with them.
COLOURS: Final = ["color-contrast", "link-in-text-block"]
FIND: Final = """async (rules) => {
  const only = rules.length ? { runOnly: { type: 'rule', values: rules } } : {}
  const found = await axe.run(document, { resultTypes: ['violations'], iframes: false, ...only })
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) =>
    `${one.id} (${one.impact}): ${one.nodes.slice(0, 4).map((node) => node.target.join(' ')).join(' | ')}`)
}"""


@pytest.fixture
def script() -> str:
    require(AXE.exists(), "axe-core, of frontend/node_modules (make setup)")
    return AXE.read_text(encoding="utf-8")


def faults(page: Page, script: str, *, url: str) -> Iterator[str]:
    """What axe finds on one page in four looks."""
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(url)
    for fold in page.locator("main details").all():
        fold.evaluate("fold => fold.open = true")
    page.evaluate(script)
    looks: Sequence[tuple[ViewportSize, Any, list[str]]] = (
        (NARROW, "light", []),
        (NARROW, "dark", COLOURS),
        (WIDE, "dark", []),
        (WIDE, "light", COLOURS),
    )
    for size, scheme, rules in looks:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        for fault in page.evaluate(FIND, rules):
            yield f"{url} {size['width']} {scheme}: {fault}"


@pytest.mark.parametrize("half", [0, 1])
def test_axe_finds_nothing_serious_on_any_page(lively: House, chromium: Browser, script: str, half: int) -> None:
    context = chromium.new_context()
    context.request.get(lively.path_in())
    page = context.new_page()
    found = [fault for path in PLACES[half::2] for fault in faults(page, script, url=lively.url + path)]
    context.close()
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_where_nobody_is_signed_in(house: House, chromium: Browser, script: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    found = [fault for path in OUTSIDE for fault in faults(page, script, url=house.url + path)]
    context.request.get(house.path_in())
    for path in ("/", "/feed", "/people", "/reports", "/drafts", "/templates", "/mailbox"):  # with nothing in them
        found += faults(page, script, url=house.url + path)
    context.close()
    assert not found, "\n".join(found)
