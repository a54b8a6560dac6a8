"""How replies about collections are compared, where order, chance or time is left open.

Where a command changes the data by chance or by the clock (SPOP, XADD *, approximate trimming), the subject goes first and
the reference is made to do the same, so that both hold the same data again. Approximate trimming, which may leave either
with more than the other, is compared by what it guarantees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comparison import TOLERANCE_SECONDS, Comparison, same_encoding, same_shape
from resp import Connection, Reply

if TYPE_CHECKING:
    from twins import Twins

SCAN_CALLS_MAX = 10_000
# Which command tells, for some members, whether they are there and with what value or score.
PROBES = {b"SRANDMEMBER": b"SMISMEMBER", b"HRANDFIELD": b"HMGET", b"ZRANDMEMBER": b"ZMSCORE"}
# What XINFO says that depends on the inside of a server, on the time, or came after Redis 7.0.
OF_THE_INSIDE = {b"radix-tree-keys", b"radix-tree-nodes"}
OF_THE_TIME = {b"idle", b"seen-time"}
NEWER = {b"inactive", b"active-time"}


def _ask_element_scan(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """One whole iteration over a collection on each; an element may come twice, but none may be missing."""

    def iterate(server: Connection) -> Reply:
        command, key, cursor, *options = arguments
        elements: set[Any] = set()
        for _ in range(SCAN_CALLS_MAX):
            reply = server.command(command, key, cursor, *options)
            if reply.kind != "array":
                return reply
            next_cursor, page = reply.value
            items = page.value
            elements.update(items if command.upper() == b"SSCAN" else zip(items[::2], items[1::2], strict=True))
            cursor = next_cursor.value
            if cursor == b"0":
                return Reply("array", tuple(sorted(elements)))
        return Reply("error", b"the iteration did not come to an end")

    return iterate(twins.reference), iterate(twins.subject)


def _ask_random_members(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """As many as the reference gives, all of them there, with their values, and different if they have to be."""
    expected, actual = twins.both(*arguments)
    if expected.is_error or expected.is_null or expected.value == () or not same_shape(expected, actual):
        return expected, actual
    if expected.kind == "bulk":
        members, values = [actual], None
    elif len(arguments) < 4:
        members, values = list(actual.value), None
    elif actual.value[0].kind == "array":
        members, values = (list(column) for column in zip(*(pair.value for pair in actual.value)))
    else:
        members, values = list(actual.value[::2]), list(actual.value[1::2])
    probe = twins.reference.command(PROBES[arguments[0].upper()], arguments[1], *[member.value for member in members])
    if any(found.is_null or found.value == 0 and found.kind == "integer" for found in probe.value):
        return Reply("every one a member of", probe), actual
    if values is not None and list(probe.value) != values:
        return probe, actual
    if len(arguments) > 2 and int(arguments[2]) > 0 and len(set(members)) != len(members):
        return Reply("different members", None), actual
    return actual, actual


def _ask_pop(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """SPOP: what the subject popped leaves the reference, too."""
    count = twins.reference.command("SCARD", arguments[1])
    actual = twins.subject.command(*arguments)
    if actual.is_error or actual.is_null or actual.value == () or count.is_error or count.value == 0:
        return twins.reference.command(*arguments), actual
    wanted = int(arguments[2]) if len(arguments) > 2 else 1
    kind = "bulk" if len(arguments) == 2 else "set" if twins.protocol == 3 else "array"
    popped = [actual.value] if actual.kind == "bulk" else [member.value for member in actual.value]
    removed = twins.reference.command("SREM", arguments[1], *popped)
    if actual.kind != kind or len(popped) != min(wanted, count.value) or removed.value != len(popped):
        return Reply(kind, f"{min(wanted, count.value)} members, of which SREM removes all: {removed}"), actual
    if [reply.value for reply in twins.both("OBJECT", "ENCODING", arguments[1])] == [b"hashtable", b"intset"]:
        # SPOP of many may build the set anew from what stays, which SREM does not.
        members = [member.value for member in twins.reference.command("SMEMBERS", arguments[1]).value]
        twins.reference.pipeline([["DEL", arguments[1]], ["SADD", arguments[1], *members]])
    return actual, actual


# Streams


def _ask_add_now(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """XADD with an ID of the server's making: the reference gets the subject's."""
    actual = twins.subject.command(*arguments)
    place = arguments.index(b"*")
    if actual.kind != "bulk":
        return twins.reference.command(*arguments), actual
    return twins.reference.command(*arguments[:place], actual.value, *arguments[place + 1 :]), actual


def _ask_trim_about(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """XTRIM ~: removes no more than the exact form would, nor than LIMIT; then both are trimmed alike."""
    key, strategy, threshold = arguments[1], arguments[2].upper(), arguments[4]
    length = twins.subject.command("XLEN", key).value
    older = twins.subject.command("XRANGE", key, "-", b"(" + threshold)
    expected, actual = twins.both(*arguments)
    if expected.kind != "integer" or actual.kind != "integer":
        return expected, actual
    if strategy == b"MAXLEN":
        removable = max(0, length - int(threshold))
    else:
        removable = len(older.value) if older.kind == "array" else 0
    if len(arguments) > 6 and int(arguments[6]) > 0:
        removable = min(removable, int(arguments[6]))
    if actual.value > removable:
        return Reply("integer", f"at most {removable} removed"), actual
    twins.both("XTRIM", key, "MAXLEN", length - max(expected.value, actual.value))
    return actual, actual


def _ask_add_and_trim_about(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """XADD key MAXLEN ~ threshold ...: leaves at least as many as the threshold; then both are trimmed alike."""
    key, threshold = arguments[1], int(arguments[4])
    before = twins.subject.command("XLEN", key)
    expected, actual = twins.both(*arguments)
    if expected != actual or expected.is_error:
        return expected, actual
    lengths = [reply.value for reply in twins.both("XLEN", key)]
    if lengths[1] < min(threshold, before.value + 1):
        return Reply("integer", f"at least {min(threshold, before.value + 1)} kept"), Reply("integer", lengths[1])
    twins.both("XTRIM", key, "MAXLEN", min(lengths))
    return actual, actual


def _stream_info(reply: Reply, name: bytes = b"", owner: bytes = b"") -> Any:
    """What XINFO tells, without what two servers need not share."""
    if reply.kind not in ("array", "map"):
        return reply
    if name in (b"pel", b"pending"):
        time_column = 1 if owner == b"consumers" else 2
        return [[item for column, item in enumerate(entry.value) if column != time_column] for entry in reply.value]
    if reply.kind == "map" or (reply.value and reply.value[0].value in (b"length", b"name")):
        fields = [(field.value, value) for field, value in reply.pairs() if field.value not in OF_THE_INSIDE | NEWER]
        return [(field, value.kind if field in OF_THE_TIME else _stream_info(value, field, owner)) for field, value in fields]
    return [_stream_info(item, b"", name or owner) for item in reply.value]


def _same_stream_info(first: Reply, second: Reply) -> bool:
    return first.kind == second.kind and _stream_info(first) == _stream_info(second)


def _same_pending(first: Reply, second: Reply) -> bool:
    """XPENDING with a range: the idle times lie a little apart."""
    if first.kind != "array" or second.kind != "array" or len(first.value) != len(second.value):
        return first == second
    for one, other in zip(first.value, second.value):
        if one.kind != "array" or other.kind != "array" or len(one.value) != 4 or len(other.value) != 4:
            if one != other:
                return False
            continue
        (*a, idle, times), (*b, other_idle, other_times) = one.value, other.value
        if a != b or times != other_times or abs(idle.value - other_idle.value) > TOLERANCE_SECONDS * 1000:
            return False
    return True


# Whole values


def contents(server: Connection, key: bytes) -> Any:
    """All that a key holds, in a form that two servers share."""
    kind = server.command("TYPE", key).text
    match kind:
        case "string":
            return kind, server.command("GET", key)
        case "list":
            return kind, server.command("LRANGE", key, 0, -1)
        case "hash":
            reply = server.command("HGETALL", key)
            return kind, sorted(reply.pairs())
        case "set":
            return kind, sorted(server.command("SMEMBERS", key).value)
        case "zset":
            return kind, server.command("ZRANGE", key, 0, -1, "WITHSCORES")
        case "stream":
            return kind, server.command("XRANGE", key, "-", "+"), _stream_info(server.command("XINFO", "STREAM", key, "FULL", "COUNT", 0))
    return kind


def _ask_exchange(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """EXCHANGE source target: each server's DUMP restored on the other must hold what the source holds."""
    _, source, target = arguments
    dumps = twins.both("DUMP", source)
    if not all(dump.kind == "bulk" for dump in dumps):
        twins.both("DEL", target)
        return dumps
    before = contents(twins.reference, source)
    replies = (
        twins.reference.command("RESTORE", target, 0, dumps[1].value, "REPLACE"),
        twins.subject.command("RESTORE", target, 0, dumps[0].value, "REPLACE"),
    )
    if any(reply.kind != "simple" for reply in replies):
        return replies[0]._replace(kind=f"{replies[0].kind} (to RESTORE {dumps[1].value[:300]!r})"), replies[1]
    for server, name in ((twins.reference, "reference"), (twins.subject, "subject")):
        after = contents(server, target)
        if after != before:
            return Reply(f"in {name}, as it was", before), Reply(f"in {name}, as it came", after)
    encodings = twins.both("OBJECT", "ENCODING", target)
    return (encodings[0], encodings[0] if same_encoding(*encodings) else encodings[1])


def _ask_contents(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    """CONTENTS key: everything that the key holds."""
    return Reply("contents", contents(twins.reference, arguments[1])), Reply("contents", contents(twins.subject, arguments[1]))


COMPACT_ENCODING = Comparison("encoding", equal=same_encoding)
ELEMENT_SCAN = Comparison("whole iteration", interactive=_ask_element_scan)
RANDOM_MEMBERS = Comparison("random members", interactive=_ask_random_members)
POP = Comparison("random pop", interactive=_ask_pop)
ADD_NOW = Comparison("added now", interactive=_ask_add_now)
TRIM_ABOUT = Comparison("trimmed about", interactive=_ask_trim_about)
ADD_AND_TRIM_ABOUT = Comparison("added and trimmed about", interactive=_ask_add_and_trim_about)
STREAM_INFO = Comparison("stream info", equal=_same_stream_info)
PENDING = Comparison("pending entries", equal=_same_pending)
EXCHANGE = Comparison("exchanged dumps", interactive=_ask_exchange)
CONTENTS = Comparison("contents", interactive=_ask_contents)
