"""The journal: the append-only record a hit enters before we answer for it, taken in batches by the drain.

It knows no database and no verdict. `FileJournal` writes, `FileReader` reads, in different processes.
"""

from seenby.journal.file import FileJournal
from seenby.journal.memory import MemoryJournal
from seenby.journal.port import Batch, Journal, Reader
from seenby.journal.reader import FileReader
from seenby.journal.record import NOBODY, PackedClient, pack_client, pack_hit

__all__ = [
    "NOBODY",
    "Batch",
    "FileJournal",
    "FileReader",
    "Journal",
    "MemoryJournal",
    "PackedClient",
    "Reader",
    "pack_client",
    "pack_hit",
]
