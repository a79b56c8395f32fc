"""Counters and gauges of one process, in the default prometheus registry.

Labels hold kinds and reasons only, never an id of a guild or a person.
"""

from prometheus_client import Counter, Gauge, Histogram

MEDIA = Counter("stanguard_media_total", "Media items accounted for.", ["verdict", "reason"])
MEDIA_SPILLED = Counter("stanguard_media_spilled_total", "Media items that waited in the database.")
QUEUE_DEPTH = Gauge("stanguard_queue_depth", "Media items waiting in memory.")
SCAN_SECONDS = Histogram(
    "stanguard_scan_seconds",
    "Seconds from a media item's arrival to its committed plan.",
    buckets=(0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
)
CALLS = Counter("stanguard_calls_total", "Discord calls of the outbox by how they ended.", ["kind", "outcome"])
PARSER_ERRORS = Counter("stanguard_parser_errors_total", "Gateway events that could not be parsed.", ["event"])
HANDLER_ERRORS = Counter("stanguard_handler_errors_total", "Exceptions out of event handlers.", ["event"])
BACKGROUND_ERRORS = Counter("stanguard_background_errors_total", "Exceptions out of background jobs.", ["job"])
