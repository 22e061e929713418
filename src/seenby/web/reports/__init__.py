"""Reports: what became of the mail of some days, cut in several ways. Everything is read from sums by day."""

from fastapi import APIRouter

from seenby.web.reports import cuts, organisations, overview, saved

router = APIRouter()
for page in (overview, saved, organisations, cuts):
    router.include_router(page.router)
