"""Prometheus metrics of messaging. Scaling and alarms go by lag and outbox age."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS_SENT = Counter("desk_events_sent_total", "Events acknowledged by the broker", ["service"])
EVENTS_APPLIED = Counter("desk_events_applied_total", "Events applied by a consumer", ["consumer", "topic"])
BATCH_SECONDS = Histogram("desk_consumer_batch_seconds", "Time to apply one batch of one partition", ["consumer"])
CONSUMER_LAG = Gauge("desk_consumer_lag", "Records not yet read", ["consumer", "topic", "partition"])
CONSUMER_FAILURES = Counter("desk_consumer_failures_total", "Batches put back after a transient failure", ["consumer"])
OUTBOX_UNSENT = Gauge("desk_outbox_unsent", "Outbox rows not yet acknowledged by the broker", ["service"])
OUTBOX_AGE_SECONDS = Gauge("desk_outbox_oldest_unsent_seconds", "Age of the oldest unsent outbox row", ["service"])
DEAD_LETTERS_HELD = Gauge("desk_dead_letters_held", "Held events by reason", ["service", "reason"])
TIMER_FAILURES = Counter("desk_timer_failures_total", "Timer runs that raised", ["service", "timer"])
