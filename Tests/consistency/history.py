"""What is recorded of an operation, and how it is shown.

A record is a plain tuple, in the order of `Operation`'s fields, so that `marshal` carries hundreds of thousands of them
from the clients' processes:

    client   a connection; one that was cut goes on under another number
    call     monotonic nanoseconds just before the request was sent
    ret      just after its reply was read; FOREVER if there was none
    status   OK: it took effect. FAILED: it did not (an aborted EXEC, a DISCARD). UNKNOWN: the connection was cut
    kind     for the reader: "MULTI", "WATCH", "RPUSH" ...
    content  what the workload's checker reads
    group    0, or the number of the client's pipeline that it was sent in
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple

OK, FAILED, UNKNOWN = 0, 1, 2
STATUS_NAMES = ("ok", "failed", "unknown")
FOREVER = 1 << 62
SHOWN_ELEMENTS = 12


class Operation(NamedTuple):
    client: int
    call: int
    ret: int
    status: int
    kind: str
    content: Any
    group: int = 0


class Anomaly(NamedTuple):
    """A fault that was found: its name, and the lines that prove it."""

    name: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.name, *("    " + line for line in self.lines)])


class Verdict(NamedTuple):
    anomalies: list[Anomaly]
    operations: int
    notes: dict[str, int]

    @property
    def names(self) -> set[str]:
        return {anomaly.name for anomaly in self.anomalies}


def text(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, (tuple, list)):
        shown = [text(item) for item in value[-SHOWN_ELEMENTS:]]
        if len(value) > SHOWN_ELEMENTS:
            shown.insert(0, f"... {len(value) - SHOWN_ELEMENTS} more")
        return "[" + " ".join(shown) + "]"
    return str(value)


def span(record: tuple, start: int = 0) -> str:
    """When it was called and when it returned, in microseconds since `start`."""
    called = f"{(record[1] - start) / 1000:.1f}"
    returned = "never" if record[2] >= FOREVER else f"{(record[2] - start) / 1000:.1f}"
    return f"[{called} us .. {returned}]"


def start_of(records: Iterable[tuple]) -> int:
    return min((record[1] for record in records), default=0)
