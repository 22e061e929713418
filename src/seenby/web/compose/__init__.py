"""Writing mail on the pages: the letter, its files, who gets what, sending and taking back, drafts and templates.

Nothing is sent from here: what is written is kept as a draft, and `flow.post` makes a message of it when its time has
come, by the same acceptance as any message.
"""

from fastapi import APIRouter

from seenby.web.compose.drafts import router as drafts
from seenby.web.compose.files import router as files
from seenby.web.compose.going import router as going
from seenby.web.compose.known import router as known
from seenby.web.compose.letter import router as letter
from seenby.web.compose.templates import router as templates

router = APIRouter()
for page in (letter, known, files, going, drafts, templates):
    router.include_router(page)
