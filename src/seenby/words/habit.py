"""Habits: what hits on one domain's mail came to before, and under which name the counts are kept.

Three names for each hit: the recipient's domain, who takes mail for it, and everybody. No name of the three can be
another, because a domain holds no @.
"""

from dataclasses import dataclass
from typing import Final

EVERYBODY: Final = "@"
EARLY_SECONDS: Final = 60.0  # after sending: when scanners that look at fresh mail are at work

HabitKey = tuple[str, str, bool]  # name, channel, early


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How many copies were fetched by people, and how many by machines, as far as that was sure."""

    people: int
    machines: int

    @property
    def copies(self) -> int:
        """How many copies there were."""
        return self.people + self.machines


def mail_host_name(host: str) -> str:
    """The name under which a mail host's counts are kept."""
    return f"@{host}"
