"""What a tracker process counted, in Prometheus' terms. Read at each question; a hit only adds to plain numbers."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from seenby.tracker.house import House
from seenby.words.token import Kind


class Counts(Collector):
    """The counts of `house`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        house = self._house
        hits = CounterMetricFamily("seenby_hits", "Hits journalled, by kind of token.", labels=["kind"])
        for kind in Kind:
            hits.add_metric([kind.name.lower()], house.hits[kind])
        yield hits
        others = CounterMetricFamily("seenby_answers", "Answers to what is no hit, by status.", labels=["status"])
        for status, many in sorted(house.answers.items()):
            others.add_metric([status.decode("ascii")], many)
        yield others
        yield GaugeMetricFamily("seenby_connections", "Clients connected.", house.connections)
        yield CounterMetricFamily(
            "seenby_connections_turned_away", "Clients for whom there was no room.", house.turned_away
        )
        yield CounterMetricFamily("seenby_connections_cut", "Clients that let their time pass.", house.cut)
        journal = house.journal
        if journal is not None:
            lost = journal.lost + house.lost
            yield CounterMetricFamily("seenby_hits_lost", "Hits answered that could not be kept.", lost)
            yield GaugeMetricFamily("seenby_journal_healthy", "1 when the next hit will be kept.", int(journal.healthy))
            yield GaugeMetricFamily("seenby_journal_bytes", "Room taken by hits not yet deleted.", journal.kept_bytes)
