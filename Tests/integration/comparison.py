"""How the replies of two servers to one command are compared.

EXACT is the rule: type and bytes. Everything else is here because Redis itself leaves order, time or chance open,
or because Pantala documents a difference; each says which.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from resp import Reply

if TYPE_CHECKING:
    from twins import Twins

TOLERANCE_SECONDS = 3
# A string of up to this many bytes may be embstr or raw: Pantala has no reason to remember that it was appended to.
EMBEDDED_BYTES_MAX = 44
SCAN_CALLS_MAX = 10_000
SHARED_REFERENCE_COUNT = 2**31 - 1
# The compact form of lists and sets came with Redis 7.2: what their keys have instead in Redis 7.0.
OLDER_ENCODINGS = {b"listpack": (b"quicklist", b"hashtable")}


@dataclass(frozen=True)
class Comparison:
    """`equal` compares two replies. `interactive` asks both servers itself, with nothing else under way, and returns
    the pair that has to be equal exactly."""

    name: str
    equal: Callable[[Reply, Reply], bool] | None = None
    interactive: Callable[["Twins", tuple[bytes, ...]], tuple[Reply, Reply]] | None = None
    # Whether it still fits when a step is spoiled into another call of its command.
    fits_spoiled: bool = False


def _sorted(first: Reply, second: Reply) -> bool:
    if first.kind == second.kind and first.kind in ("array", "set"):
        return len(first.value) == len(second.value) and Counter(first.value) == Counter(second.value)
    return first == second


def _pairs_in_any_order(first: Reply, second: Reply) -> bool:
    if first.kind == second.kind and len(first.value) == len(second.value):
        # (A spoiled call may not answer with pairs.)
        if first.kind == "map" or (first.kind == "array" and len(first.value) % 2 == 0):
            return Counter(first.pairs()) == Counter(second.pairs())
    return first == second


def _within(tolerance: int) -> Callable[[Reply, Reply], bool]:
    def equal(first: Reply, second: Reply) -> bool:
        if first.kind == second.kind == "integer" and first.value >= 0 and second.value >= 0:
            return abs(first.value - second.value) <= tolerance
        return first == second

    return equal


def same_shape(first: Reply, second: Reply) -> bool:
    if first.kind != second.kind:
        return False
    if isinstance(first.value, tuple):
        if first.kind == "map":
            return [key for key, _ in first.value] == [key for key, _ in second.value]
        return len(first.value) == len(second.value) and all(map(same_shape, first.value, second.value))
    return first == second if first.is_error else True


def same_encoding(expected: Reply, actual: Reply) -> bool:
    return expected == actual or expected.value in OLDER_ENCODINGS.get(actual.value, ())


def _same_kind(first: Reply, second: Reply) -> bool:
    return first == second if first.is_error else first.kind == second.kind


def _same_up_to_choices(first: Reply, second: Reply) -> bool:
    """Errors that list what is allowed: the lists differ where the servers offer different values."""
    mark = b"must be one of the following: "
    if first.is_error and second.is_error and mark in first.value:
        return first.value.partition(mark)[0] == second.value.partition(mark)[0]
    return first == second


def _pairs_by_name(first: Reply, second: Reply) -> bool:
    if first.kind != second.kind or first.is_error:
        return first == second
    return sorted(first.pairs()) == sorted(second.pairs())


def _ask_scan(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """One whole iteration on each; a key may come twice, but none may be missing."""

    def iterate(server) -> Reply:
        cursor, keys = arguments[1], set()
        for _ in range(SCAN_CALLS_MAX):
            reply = server.command(arguments[0], cursor, *arguments[2:])
            if reply.kind != "array":
                return reply
            next_cursor, page = reply.value
            keys.update(item.value for item in page.value)
            cursor = next_cursor.value
            if cursor == b"0":
                return Reply("array", tuple(sorted(keys)))
        return Reply("error", b"SCAN did not come to an end")

    return iterate(twins.reference), iterate(twins.subject)


def _ask_random_key(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """Any key will do if the reference has it; no key only if the reference has none."""
    expected, actual = twins.reference.command(*arguments), twins.subject.command(*arguments)
    if actual.kind == "bulk" and twins.reference.command("EXISTS", actual.value).value == 1:
        return Reply(expected.kind, None), Reply("bulk", None)
    return expected, actual


def _ask_encoding(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """raw and embstr are the same for a short string."""
    expected, actual = twins.reference.command(*arguments), twins.subject.command(*arguments)
    if {expected.value, actual.value} == {b"raw", b"embstr"}:
        if twins.reference.command("STRLEN", arguments[2]).value <= EMBEDDED_BYTES_MAX:
            return expected, expected
    is_hash = expected.value == b"hashtable" and twins.reference.command("TYPE", arguments[2]).value == b"hash"
    return expected, expected if same_encoding(expected, actual) and not is_hash else actual


def _ask_idle_time(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """Redis keeps small integers once for all keys, and so their idle time; elsewhere a few seconds may lie between."""
    expected, actual = twins.reference.command(*arguments), twins.subject.command(*arguments)
    shared = twins.reference.command("OBJECT", "REFCOUNT", arguments[2]).value == SHARED_REFERENCE_COUNT
    if expected.kind == actual.kind == "integer" and (shared or abs(expected.value - actual.value) <= TOLERANCE_SECONDS):
        return expected, expected
    return expected, actual


EXACT = Comparison("exact", equal=lambda first, second: first == second, fits_spoiled=True)
SORTED = Comparison("sorted", equal=_sorted, fits_spoiled=True)
PAIRS = Comparison("pairs in any order", equal=_pairs_in_any_order, fits_spoiled=True)
SECONDS = Comparison("seconds", equal=_within(TOLERANCE_SECONDS))
MILLISECONDS = Comparison("milliseconds", equal=_within(TOLERANCE_SECONDS * 1000))
SHAPE = Comparison("shape", equal=same_shape)
KIND = Comparison("kind", equal=_same_kind)
HELLO = Comparison("hello", equal=same_shape)
CHOICES = Comparison("choices", equal=_same_up_to_choices)
PAIRS_BY_NAME = Comparison("pairs by name", equal=_pairs_by_name)
SCAN = Comparison("scan", interactive=_ask_scan)
RANDOM_KEY = Comparison("random key", interactive=_ask_random_key)
ENCODING = Comparison("encoding", interactive=_ask_encoding)
IDLE_TIME = Comparison("idle time", interactive=_ask_idle_time)
