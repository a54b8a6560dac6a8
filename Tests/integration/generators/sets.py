"""Sets: of integers, small and large; their algebra; members by chance."""

from __future__ import annotations

from comparison import SORTED
from comparison_collections import COMPACT_ENCODING, ELEMENT_SCAN, POP, RANDOM_MEMBERS
from generators.base import Step, Table, step
from generators.typed import NOT_COUNTS, TypedFamily

DIFFERENCE = b"set:difference"
INTEGER_STEPS = (1, 7, 300, 70_000, 5_000_000_000)


class Sets(TypedFamily):
    kind, prefix = "set", b"set"
    commands = tuple(
        """SADD SREM SISMEMBER SMISMEMBER SMEMBERS SCARD SPOP SRANDMEMBER SMOVE SSCAN SINTER SINTERCARD SUNION SDIFF SINTERSTORE
        SUNIONSTORE SDIFFSTORE""".split()
    )

    def table(self) -> Table:
        return [
            (18, lambda: self.call("SADD", self.key(), *self.members())),
            (3, self.integers),
            (8, lambda: self.call("SREM", self.key(), *self.members())),
            (6, lambda: self.call("SISMEMBER", self.key(), self.member())),
            (5, lambda: self.call("SMISMEMBER", self.key(), *self.members())),
            (5, lambda: self.call("SMEMBERS", self.key(), comparison=SORTED)),
            (4, lambda: self.call("SCARD", self.key())),
            (2, lambda: self.call(self.one_of("SUNION", "SINTER"), DIFFERENCE, *self.some(2), comparison=SORTED)),
            (1, lambda: self.call("SREM", DIFFERENCE, *self.members())),
            (1.5, self.pop),
            (2, self.random_member),
            (5, lambda: self.call("SMOVE", self.key(), self.key(), self.member())),
            (1.5, self.scan),
            (9, lambda: self.call(self.one_of("SINTER", "SUNION", "SDIFF"), *self.some(), comparison=SORTED)),
            (6, self.count_intersection),
            (9, self.store),
            (3, lambda: self.call("OBJECT", b"ENCODING", self.own_key(), comparison=COMPACT_ENCODING)),
            (2, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    def integers(self) -> Step:
        """Integers that lie so far apart that they need more and more bytes."""
        distance = self.r.pick(INTEGER_STEPS)
        numbers = [b"%d" % (distance * self.r.random.randint(-20, 20)) for _ in range(self.r.random.randint(1, 20))]
        return self.call(self.one_of("SADD", "SADD", "SREM"), self.own_key(), *numbers)

    def pop(self) -> Step:
        count = [self.count()] if self.r.chance(0.6) else []
        if count and self.r.chance(0.1):
            count = [b"1000"]
        return step("SPOP", self.key(), *count, comparison=POP)

    def random_member(self) -> Step:
        count = [self.r.random.randint(-15, 15)] if self.r.chance(0.7) else []
        return step(self.name("SRANDMEMBER"), self.key(), *count, comparison=RANDOM_MEMBERS)

    def scan(self) -> Step:
        options: list[bytes] = []
        if self.r.chance(0.4):
            options += [self.r.case(b"MATCH"), self.r.pick((b"*", b"m:*", b"1*", b"*1*", b"[m-]*", b"-?", b"", b"L*", b"m:[0-3]"))]
        if self.r.chance(0.5):
            options += [self.r.case(b"COUNT"), self.r.pick((b"1", b"3", b"10", b"1000"))]
        return step("SSCAN", self.key(), b"0", *options, comparison=ELEMENT_SCAN)

    def count_intersection(self) -> Step:
        keys = self.some()
        limit = [self.r.case(b"LIMIT"), self.count() if self.r.chance(0.7) else b"0"] if self.r.chance(0.6) else []
        if self.r.chance(0.03):
            limit += self.r.pick([[b"LIMIT"], [b"BOGUS"], [b"LIMIT", b"1"], [b"BOGUS", b"1"]])
        return self.call("SINTERCARD", self.number_of(keys), *keys, *limit)

    def store(self) -> Step:
        name = self.one_of("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE")
        # How a difference is encoded depends on how it was computed: Redis may have put more into it first.
        target = DIFFERENCE if name == "SDIFFSTORE" else self.own_key()
        return self.call(name, target, *self.some())

    def bad_calls(self) -> list[Step]:
        key, bad = self.own_key(), self.r.pick(NOT_COUNTS)
        return [step(*self.r.pick([
            [b"SADD", key], [b"SREM", key], [b"SISMEMBER", key], [b"SMISMEMBER", key], [b"SMEMBERS"], [b"SMOVE", key, key], [b"SINTER"],
            [b"SPOP", key, b"-1"], [b"SPOP", key, b"abc"], [b"SPOP", key, b"1", b"2"], [b"SPOP", key, b"0"], [b"SPOP", b"none", b"0"],
            [b"SRANDMEMBER", key, b"abc"], [b"SRANDMEMBER", key, b"0"], [b"SRANDMEMBER", key, b"1", b"x"],
            [b"SRANDMEMBER", key, b"-9223372036854775808"], [b"SINTERCARD", b"0", key], [b"SINTERCARD", b"abc", key],
            [b"SINTERCARD", b"1", key, b"LIMIT", b"-1"], [b"SINTERCARD", b"1", key, b"LIMIT", b"abc"], [b"SINTERCARD", b"2", key],
            [b"SINTERCARD", b"1", key, key], [b"SINTERSTORE", key], [b"SUNIONSTORE", key], [b"SDIFF"], [b"SSCAN", key, b"abc"],
            [b"SSCAN", key, b"0", b"COUNT", bad], [b"SSCAN", key, b"0", b"BOGUS"], [b"SSCAN", b"never", b"12345"],
            [b"SSCAN", b"none", b"x"], [b"SUNIONSTORE", b"is:string", b"is:string"], [b"SINTERSTORE", key, b"none", b"is:string"],
            [b"SMOVE", b"none", b"is:string", b"a"], [b"SMOVE", key, b"is:string", b"a"], [b"SINTER", b"none", b"is:string"],
            [b"SDIFF", b"none", b"is:string"],
        ]))]  # fmt: skip
