"""Handing one notification to a browser's push service (RFC 8030), signed as ours (RFC 8292). Waits for the network."""

from functools import cache
from typing import Final

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush

from seenby.store.telling import Pushed, Subscription

_KEPT: Final = 12 * 3600  # seconds that the service keeps it for a browser that is not running
_PATIENCE: Final = 10.0  # seconds


def deliver(to: Subscription, content: str, *, private_key: ec.EllipticCurvePrivateKey, contact: str) -> Pushed:
    """Send `content`, encrypted for that browser alone. `contact` is a URL at which we can be found. Never raises."""
    try:
        webpush(
            {"endpoint": to.endpoint, "keys": {"p256dh": to.p256dh, "auth": to.auth}},
            data=content,
            vapid_private_key=Vapid02(private_key),
            vapid_claims={"sub": contact},  # anew each time: the library writes into it
            timeout=_PATIENCE,
            ttl=_KEPT,
            requests_session=_session(),
        )
    except WebPushException as error:
        status = error.response.status_code if error.response is not None else 0
        return Pushed.GONE if status in (403, 404, 410) else Pushed.LATER  # RFC 8030 7.3
    except requests.RequestException:
        return Pushed.LATER
    except ValueError:  # keys that are none
        return Pushed.GONE
    return Pushed.TAKEN


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.max_redirects = 0  # the services that are known redirect nobody
    return session
