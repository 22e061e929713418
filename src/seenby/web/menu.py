"""The settings' pages, in the order of their menu. A page that is added stands here and in `settings/__init__`."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One page: `key` is what its template sets as `part`; `for_owners`: nobody else is shown the way there."""

    key: str
    path: str
    name: str
    icon: str
    for_owners: bool = False


SETTINGS: Final = (
    Place(key="you", path="/settings", name="You", icon="user"),
    Place(key="sign-in", path="/settings/sign-in", name="Signing in", icon="key"),
    Place(key="notifications", path="/settings/notifications", name="Notifications", icon="bell"),
    Place(key="writing", path="/settings/writing", name="Writing", icon="pencil"),
    Place(key="connect", path="/settings/connect", name="Connect a mail program", icon="plug-connected"),
    Place(key="next-hop", path="/settings/next-hop", name="Next hop", icon="server"),
    Place(key="tracking", path="/settings/tracking", name="Tracking domain", icon="world-check"),
    Place(key="team", path="/settings/team", name="Team", icon="users-group"),
    Place(key="privacy", path="/settings/privacy", name="Privacy", icon="shield-lock"),
    Place(key="judge", path="/settings/judge", name="Own networks and rules", icon="network"),
    Place(key="health", path="/settings/health", name="System health", icon="heartbeat"),
    Place(key="log", path="/settings/log", name="Log", icon="clipboard-list", for_owners=True),
)
