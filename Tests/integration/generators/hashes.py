"""Hashes: as Redis 7.0 knows them, without times to live of single fields (see test_hash_expiry)."""

from __future__ import annotations

from comparison import PAIRS, SORTED
from comparison_collections import ELEMENT_SCAN, RANDOM_MEMBERS
from generators.base import Step, Table, step
from generators.typed import NOT_COUNTS, TypedFamily

ADDENDS = (b"0.1", b"-0.3", b"1e15", b"1e17", b"-1e300", b"1e308", b"0x1p3", b"3.0e-5", b"5e-324", b"1e4932")

NEAR_NUMBERS = (
    b"9223372036854775807", b"-9223372036854775808", b"1e308", b"0.1", b" 1", b"1 ", b"abc", b"", b"3.0", b"inf", b"nan",
)  # fmt: skip


class Hashes(TypedFamily):
    kind, prefix = "hash", b"hash"
    commands = tuple(
        """HSET HSETNX HMSET HGET HMGET HGETALL HKEYS HVALS HLEN HSTRLEN HEXISTS HDEL HINCRBY HINCRBYFLOAT HRANDFIELD HSCAN""".split()
    )

    def table(self) -> Table:
        return [
            (16, lambda: self.call(self.one_of("HSET", "HSET", "HMSET"), self.key(), *self.fields_and_values())),
            (4, lambda: self.call("HSETNX", self.key(), self.member(), self.r.value())),
            (8, lambda: self.call("HGET", self.key(), self.member())),
            (5, lambda: self.call("HMGET", self.key(), *self.members())),
            (5, lambda: self.call("HGETALL", self.key(), comparison=PAIRS)),
            (3, lambda: self.call(self.one_of("HKEYS", "HVALS"), self.key(), comparison=SORTED)),
            (3, lambda: self.call("HLEN", self.key())),
            (3, lambda: self.call("HSTRLEN", self.key(), self.member())),
            (3, lambda: self.call("HEXISTS", self.key(), self.member())),
            (10, lambda: self.call("HDEL", self.key(), *self.members())),
            (7, self.increment),
            (7, self.increment_float),
            (2, self.random_field),
            (1.5, self.scan),
            (3, lambda: self.call("OBJECT", b"ENCODING", self.own_key())),
            (1, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
            (0.5, self.numbers),
        ]

    def fields_and_values(self) -> list[bytes]:
        fields = self.members()
        if len(fields) > 10:
            return [word for field in fields for word in (field, b"%d" % len(field))]
        return [word for field in fields for word in (field, self.value())]

    def value(self) -> bytes:
        return self.r.value() if self.r.chance(0.5) else self.member()

    def counter(self) -> bytes:
        """A field that mostly holds a number."""
        return b"n:%d" % self.r.random.randrange(5) if self.r.chance(0.7) else self.member()

    def increment(self) -> Step:
        return self.call("HINCRBY", self.key(), self.counter(), self.r.integer())

    def increment_float(self) -> Step:
        addend = self.r.pick(ADDENDS) if self.r.chance(0.1) else self.r.float()
        return self.call("HINCRBYFLOAT", self.key(), self.counter() + b"f", addend)

    def random_field(self) -> Step:
        options = []
        if self.r.chance(0.8):
            options.append(self.r.random.randint(-20, 20))
            if self.r.chance(0.6):
                options.append(self.r.case(b"WITHVALUES"))
        return self.call("HRANDFIELD", self.key(), *options, comparison=RANDOM_MEMBERS)

    def scan(self) -> Step:
        options: list[bytes] = []
        if self.r.chance(0.4):
            options += [self.r.case(b"MATCH"), self.r.pick((b"*", b"m:*", b"m:?", b"*1*", b"[m-]*", b"\\*", b"", b"L*", b"m:[0-3]"))]
        if self.r.chance(0.5):
            options += [self.r.case(b"COUNT"), self.r.pick((b"1", b"3", b"10", b"1000"))]
        return step("HSCAN", self.key(), b"0", *options, comparison=ELEMENT_SCAN)

    def numbers(self) -> list[Step]:
        """Numbers at their limits, and what is none."""
        key, field = self.own_key(), self.member()
        value = self.r.pick(NEAR_NUMBERS)
        return [
            step("HSET", key, field, value),
            self.call("HINCRBY", key, field, self.r.pick((b"1", b"-1", b"0", b"9223372036854775807", b"-9223372036854775808"))),
            self.call("HINCRBYFLOAT", key, field, self.r.pick((b"0", b"1", b"-1", b"0.1", b"1e308", b"inf", b"nan", b"-inf"))),
            step("HGET", key, field),
        ]

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [step(*self.r.pick([
            [b"HSET", key, b"a"], [b"HSET", key, b"a", b"1", b"b"], [b"HMSET", key, b"a", b"1", b"b"], [b"HSETNX", key, b"a"],
            [b"HMGET", key], [b"HDEL", key], [b"HINCRBY", key, b"a"], [b"HINCRBY", key, b"a", b"1.5"], [b"HINCRBYFLOAT", key, b"a", b"x"],
            [b"HRANDFIELD", key, b"abc"], [b"HRANDFIELD", key, b"1", b"BOGUS"], [b"HRANDFIELD", key, b"1", b"WITHVALUES", b"x"],
            [b"HRANDFIELD", key, b"-9223372036854775808"], [b"HRANDFIELD", key, b"9223372036854775807", b"WITHVALUES", b""],
            [b"HRANDFIELD", key, b"-9223372036854775807", b"WITHVALUES"], [b"HRANDFIELD", key, b"-4611686018427387904", b"WITHVALUES"],
            [b"HSCAN", key, b"abc"], [b"HSCAN", key, b"0", b"COUNT", self.r.pick(NOT_COUNTS)], [b"HSCAN", key, b"0", b"BOGUS"],
            [b"HSCAN", key], [b"HSCAN", b"never", b"77"], [b"HSCAN", b"none", b"0", b"COUNT", b"0"], [b"HSCAN", b"none", b"x"],
            [b"HGET", key], [b"HGETALL"], [b"HKEYS", key, b"x"], [b"HSTRLEN", key],
        ]))]  # fmt: skip
