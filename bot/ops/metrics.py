"""Counters and gauges of one process, in the default prometheus registry.

Labels hold kinds and reasons only, never an id of a guild or a person.
"""

from prometheus_client import Counter, Gauge, Histogram

MEDIA = Counter("stanguard_media_total", "Media items accounted for.", ["verdict", "reason"])
MEDIA_SPILLED = Counter("stanguard_media_spilled_total", "Media items that waited in the database.")
MEDIA_POSTPONED = Counter(
    "stanguard_media_postponed_total", "Media items put off, because the media host or the decoders failed."
)
MEDIA_FORGOTTEN = Counter(
    "stanguard_media_forgotten_total", "Media items let go of unscanned, because the database took nothing for long."
)
SCANS_SAVED = Counter(
    "stanguard_scans_saved_total",
    "Media items that were recognised: not fetched (by their id) or not decoded (by their digest).",
    ["step"],
)
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
BULK_DELETES = Counter("stanguard_bulk_deletes_total", "Requests that deleted several messages at once.")
BULK_DELETED_MESSAGES = Counter("stanguard_bulk_deleted_messages_total", "Messages that such requests deleted.")
INVALID_ANSWERS = Gauge(
    "stanguard_invalid_answers", "Answers of 401, 403 and 429 in the last ten minutes; Discord bans at 10,000."
)
BREAKERS_OPEN = Gauge("stanguard_breakers_open", "Channels in which Discord refused and is not asked again for now.")
QUEUE_AGE = Gauge("stanguard_queue_age_seconds", "For how long the oldest media item in memory has waited.")
JOBS_WAITING = Gauge("stanguard_jobs_waiting", "Messages whose media items wait in the database.")
JOBS_AGE = Gauge("stanguard_jobs_age_seconds", "For how long the oldest message in the database has waited.")
SWEEPS_WAITING = Gauge("stanguard_sweeps_waiting", "Readings of history that are not finished.")
OUTBOX_PENDING = Gauge("stanguard_outbox_pending", "Discord calls that are to be carried out.", ["kind"])
OUTBOX_AGE = Gauge(
    "stanguard_outbox_age_seconds", "For how long the oldest call that is due has been due.", ["urgency"]
)
DATABASE_WRITE_SECONDS = Histogram(
    "stanguard_database_write_seconds",
    "Seconds of a transaction that writes, with the wait for its turn.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
DATABASE_ERRORS = Counter("stanguard_database_errors_total", "Transactions that the database did not take.")
DECODER_RESTARTS = Counter("stanguard_decoder_restarts_total", "Pools of decoder processes that had to be replaced.")
LOOP_LAG_SECONDS = Histogram(
    "stanguard_loop_lag_seconds",
    "Seconds by which the event loop is late.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
)
GATEWAY_EVENTS = Counter("stanguard_gateway_events_total", "Events of the gateway.", ["event"])
GATEWAY_LAST_EVENT = Gauge("stanguard_gateway_last_event_timestamp_seconds", "When the gateway sent an event last.")
GATEWAY_SESSIONS = Counter("stanguard_gateway_sessions_total", "Sessions with the gateway, new or resumed.", ["how"])
GATEWAY_SHARDS = Gauge("stanguard_gateway_shards", "Shards of this process, connected or away.", ["state"])
GATEWAY_LATENCY = Gauge("stanguard_gateway_latency_seconds", "Time from a heartbeat to its answer, slowest shard.")
MESSAGE_LAG_SECONDS = Histogram(
    "stanguard_message_lag_seconds",
    "Seconds from a message's posting, by Discord's clock, to its arrival, by this machine's.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)
BLIND = Gauge("stanguard_blind_shards", "Shards whose servers are not watched just now.")
