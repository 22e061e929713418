"""Where things are kept and asked for: SQLite or PostgreSQL, alike. The only place with SQL."""

from seenby.store.store import Store, Transaction, open_store

__all__ = ["Store", "Transaction", "open_store"]
