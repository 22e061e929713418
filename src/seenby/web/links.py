"""Where the page of a person or of an organisation is."""

from urllib.parse import quote


def person_path(address: str) -> str:
    """A person's page, by any spelling of their address."""
    return f"/people/{quote(address.casefold(), safe='@')}"


def domain_path(domain: str) -> str:
    """An organisation's page."""
    return f"/organisations/{quote(domain.casefold(), safe='')}"
