"""The one view of `seenby.bench.peer`, in a module of its own because Django looks it up by name once it is set up."""

import json

from django.db import connection
from django.urls import path
from pytracking import TrackingResult
from pytracking.django import OpenTrackingView


class Pixel(OpenTrackingView):  # type: ignore[misc]
    """Keeps a row for each fetch, as pytracking's documentation has one do."""

    def notify_tracking_event(self, tracking_result: TrackingResult) -> None:
        """Called before the answer."""
        told = tracking_result.request_data
        row = (json.dumps(tracking_result.metadata), told["user_agent"], told["user_ip"])
        with connection.cursor() as cursor:
            cursor.execute("insert into hits (about, agent, ip) values (%s, %s, %s)", row)


urlpatterns = [path("open/<str:path>", Pixel.as_view())]
