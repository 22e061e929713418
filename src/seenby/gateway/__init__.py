"""Our door for submissions: SMTP with AUTH and STARTTLS (RFC 6409). It decides nothing about mail; flow.accept does."""

from seenby.gateway.door import Gateway, open_gateway

__all__ = ["Gateway", "open_gateway"]
