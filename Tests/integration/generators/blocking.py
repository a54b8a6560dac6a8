"""Clients that wait for elements, and commands that bring some: who is served with what, and who is not."""

from __future__ import annotations

from comparison_blocking import WAITING, joined
from generators.base import Step, Table, step
from generators.typed import TypedFamily
from resp import to_bytes

TIMEOUTS = (b"0", b"0.0", b"0.000", b"1000", b"99.5", b"1e3", b"0x10", b"9223372036854")
WRONG_TIMEOUTS = (b"-1", b"abc", b"", b" 1", b"1 ", b"nan", b"-inf", b"inf", b"1e30", b"-0.002", b"1,5", b"--1", b"1e5000", b"1\x00")
SIDES = (b"LEFT", b"RIGHT")
ENDS = (b"MIN", b"MAX")
WAITERS_MAX = 4
Call = tuple[bytes, ...]


class Blocking(TypedFamily):
    kind, prefix = "", b"wait"
    key_count = 5
    # A timeout that became another could let the suite wait for ever.
    spoils = False
    step_cost = 4
    commands = tuple("BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP WAIT".split())

    def __init__(self, randoms) -> None:
        self.time = 1
        super().__init__(randoms)

    def table(self) -> Table:
        return [
            (10, self.wait),
            (8, lambda: step(*self.bringing())),
            (4, lambda: step("DEL", *[self.own_key() for _ in range(self.r.random.randint(1, 4))])),
            (3, self.wrong_timeout),
            (3, self.wrong_call),
            (1, self.time_over),
            (2, lambda: step("XGROUP", "CREATE", self.own_key(), b"group", self.r.pick((b"0", b"$")), "MKSTREAM")),
            (0.3, self.foreign_keys),
        ]

    def wait(self) -> Step:
        calls = [self.waiting(self.r.pick(TIMEOUTS)) for _ in range(self.r.random.randint(1, WAITERS_MAX))]
        last = self.bringing() if self.r.chance(0.85) else self.removing()
        return Step(joined(*calls, last), WAITING)

    def wrong_timeout(self) -> Step:
        return Step(self.waiting(self.r.pick(WRONG_TIMEOUTS), b"-5"))

    def time_over(self) -> Step:
        """Nothing comes: the keys are never there."""
        call = self.waiting(b"0.002", b"2", keys=[b"never"])
        return Step(call) if call[0] != b"XREADGROUP" else step("WAIT", 3, 2)

    def wrong_call(self) -> Step:
        key = self.key()
        calls: list[list[object]] = [
            ["BLPOP", key], ["BLPOP"], ["BLMPOP", 1, 0, key, "LEFT"], ["BLMPOP", 1, "x", key, "LEFT"], ["BLMPOP", 1, 1, key, "UP"],
            ["BLMPOP", 1, 2, key, "LEFT"], ["BLMPOP", 1, 1, key, "LEFT", "COUNT"], ["BLMPOP", "x", 1, key, "LEFT", "COUNT", 0],
            ["BLMPOP", 1, 1, key, "LEFT", "COUNT", 1, "COUNT", 1], ["BLMOVE", key, key, "UP", "LEFT", 1], ["BZMPOP", 1, 0, key, "MIN"],
            ["BLMOVE", key, key, "LEFT", "UP", "x"], ["BZMPOP", 1, 1, key, "LEFT"], ["BZMPOP", 1, 1, key, "MAX", "COUNT", "-1"],
            ["BRPOPLPUSH", key, key], ["WAIT", "x", 1], ["WAIT", 1, "1.5"], ["WAIT", 1, -1], ["WAIT", 0, 0], ["WAIT", -5, 0],
            ["XREAD", "BLOCK", -1, "STREAMS", key, 0], ["XREAD", "BLOCK", "1.5", "STREAMS", key, 0], ["XREAD", "BLOCK", 0, "STREAMS", key],
            ["CLIENT", "UNBLOCK", 999_999], ["CLIENT", "UNBLOCK", 1, "X"],
        ]  # fmt: skip
        return step(*self.r.pick(calls))

    # Calls that wait

    def waiting(self, timeout: bytes, milliseconds: bytes = b"0", keys: list[bytes] | None = None) -> Call:
        names = keys or [self.key() for _ in range(self.r.random.randint(1, 3))]
        first, count = names[0], b"%d" % len(names)
        some = [b"COUNT", self.r.pick((b"1", b"2", b"10"))] if self.r.chance(0.5) else []
        calls: list[list[object]] = [
            [self.one_of("BLPOP", "BRPOP"), *names, timeout],
            [self.one_of("BLPOP", "BRPOP"), *names, timeout],
            [self.one_of("BZPOPMIN", "BZPOPMAX"), *names, timeout],
            ["BLMPOP", timeout, count, *names, self.r.pick(SIDES), *some],
            ["BZMPOP", timeout, count, *names, self.r.pick(ENDS), *some],
            ["BLMOVE", first, self.key(), self.r.pick(SIDES), self.r.pick(SIDES), timeout],
            ["BRPOPLPUSH", first, self.key(), timeout],
            ["XREAD", *some, b"BLOCK", milliseconds, b"STREAMS", *names, *[self.read_id() for _ in names]],
            ["XREADGROUP", b"GROUP", b"group", self.r.pick((b"one", b"other")), *some, b"BLOCK", milliseconds, b"STREAMS", first, b">"],
        ]
        return tuple(map(to_bytes, self.r.pick(calls)))

    def read_id(self) -> bytes:
        return self.r.pick((b"$", b"$", b"0", b"%d" % self.time, b"%d-5" % self.time))

    # Calls that bring something, or take it away

    def bringing(self) -> Call:
        key, other = self.own_key(), self.own_key()
        members = [self.member() for _ in range(self.r.random.randint(1, 4))]
        self.time += 1
        calls: list[list[object]] = [
            [self.one_of("LPUSH", "RPUSH"), key, *members],
            [self.one_of("LPUSH", "RPUSH"), key, *members],
            ["ZADD", key, *[word for index, member in enumerate(members) for word in (index, member)]],
            ["ZADD", key, 1, members[0]],
            ["ZINCRBY", key, 2, members[0]],
            ["XADD", key, b"%d-1" % self.time, "field", members[0]],
            ["XADD", key, b"%d-1" % self.time, "field", members[0]],
            ["LMOVE", other, key, self.r.pick(SIDES), self.r.pick(SIDES)],
            ["RENAME", other, key],
            ["COPY", other, key, "REPLACE"],
            ["SORT", other, "ALPHA", "STORE", key],
            ["ZUNIONSTORE", key, 2, key, other],
            ["ZRANGESTORE", key, other, 0, -1],
            ["SET", key, "text"],
            ["LINSERT", key, "BEFORE", members[0], members[-1]],
        ]
        return tuple(map(to_bytes, self.r.pick(calls)))

    def removing(self) -> Call:
        key = self.own_key()
        calls: list[list[object]] = [
            ["DEL", key], ["XGROUP", "DESTROY", key, "group"], ["SET", key, "text"], ["PING"], ["FLUSHDB"], ["RENAME", key, b"away"],
            ["LPOP", key], ["ZPOPMIN", key], ["EXPIRE", key, -1],
        ]  # fmt: skip
        return tuple(map(to_bytes, self.r.pick(calls)))
