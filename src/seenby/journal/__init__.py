"""The journal: the append-only record a hit enters before we answer for it, taken in batches by the drain.

It knows no database and no verdict. `FileJournal` writes, `FileReader` reads, in different processes.
"""

from seenby.journal.file import FileJournal
from seenby.journal.memory import MemoryJournal
from seenby.journal.port import Batch, Journal, Reader
from seenby.journal.reader import FileReader
from seenby.journal.record import pack_hit

__all__ = ["Batch", "FileJournal", "FileReader", "Journal", "MemoryJournal", "Reader", "pack_hit"]
