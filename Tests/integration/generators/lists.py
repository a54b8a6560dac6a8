"""Lists: both ends, places inside, moves between lists."""

from __future__ import annotations

from comparison_collections import COMPACT_ENCODING
from generators.base import Step, Table, step
from generators.typed import BAD_COUNTS, TypedFamily

SIDES = (b"LEFT", b"RIGHT")
LONG_COUNT = 600


class Lists(TypedFamily):
    kind, prefix = "list", b"list"
    commands = tuple(
        "LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LLEN LRANGE LINDEX LSET LINSERT LREM LTRIM LPOS LMOVE RPOPLPUSH LMPOP".split()
    )

    def table(self) -> Table:
        return [
            (16, lambda: self.call(self.one_of("LPUSH", "RPUSH"), self.key(), *self.members())),
            (3, lambda: self.call(self.one_of("LPUSHX", "RPUSHX"), self.key(), *self.members())),
            (8, self.pop),
            (3, lambda: self.call("LLEN", self.key())),
            (10, lambda: self.call("LRANGE", self.key(), self.index(), self.index())),
            (2, lambda: self.call("LRANGE", self.key(), 0, -1)),
            (6, lambda: self.call("LINDEX", self.key(), self.index())),
            (6, lambda: self.call("LSET", self.key(), self.index(), self.member())),
            (7, self.insert),
            (6, lambda: self.call("LREM", self.key(), self.index(5), self.member())),
            (2, self.trim),
            (8, self.position),
            (5, self.move),
            (3, lambda: self.call("RPOPLPUSH", self.key(), self.key())),
            (5, self.multiple_pop),
            (3, lambda: self.call("OBJECT", b"ENCODING", self.own_key(), comparison=COMPACT_ENCODING)),
            (1, self.remove),
            (0.3, self.foreign_keys),
            (0.3, self.long_list),
            (0.5, self.bad_calls),
        ]

    def pop(self) -> Step:
        count = [self.count()] if self.r.chance(0.5) else []
        return self.call(self.one_of("LPOP", "RPOP"), self.key(), *count)

    def insert(self) -> Step:
        where = self.r.case(self.r.pick((b"BEFORE", b"AFTER"))) if self.r.chance(0.97) else self.r.pick((b"BEHIND", b"", b"BEFOR"))
        return self.call("LINSERT", self.key(), where, self.member(), self.member())

    def trim(self) -> Step:
        if self.r.chance(0.5):
            return self.call("LTRIM", self.key(), self.r.random.randint(0, 2), -self.r.random.randint(1, 3))
        return self.call("LTRIM", self.key(), self.index(), self.index(60))

    def position(self) -> Step:
        options: list[list[bytes]] = []
        if self.r.chance(0.5):
            options.append([self.r.case(b"RANK"), self.index(4)])
        if self.r.chance(0.5):
            options.append([self.r.case(b"COUNT"), self.count(4) if self.r.chance(0.7) else b"0"])
        if self.r.chance(0.4):
            options.append([self.r.case(b"MAXLEN"), self.count(30) if self.r.chance(0.8) else b"0"])
        if self.r.chance(0.03):
            options.append(self.r.pick([[b"BOGUS"], [b"RANK"], [b"COUNT"], [b"MAXLEN"], [b"BOGUS", b"1"], [b"RANK", b"-9223372036854775808"]]))
        self.r.random.shuffle(options)
        return self.call("LPOS", self.key(), self.member(), *[word for option in options for word in option])

    def side(self) -> bytes:
        return self.r.case(self.r.pick(SIDES)) if self.r.chance(0.98) else self.r.pick((b"UP", b"", b"LEF"))

    def move(self) -> Step:
        source = self.key()
        target = source if self.r.chance(0.2) else self.key()
        return self.call("LMOVE", source, target, self.side(), self.side())

    def multiple_pop(self) -> Step:
        keys = self.some()
        count = [self.r.case(b"COUNT"), self.count()] if self.r.chance(0.5) else []
        if self.r.chance(0.03):
            count += self.r.pick([[b"COUNT"], [b"COUNT", b"1"], [b"BOGUS"], [b"LEFT"]])
        return self.call("LMPOP", self.number_of(keys), *keys, self.side(), *count)

    def long_list(self) -> list[Step]:
        """Many elements, then looks at its middle, whose blocks are split and joined."""
        key = self.own_key()
        elements = [b"%d" % index if self.r.chance(0.5) else b"element-%d" % index for index in range(LONG_COUNT)]
        middle = [self.r.random.randint(100, LONG_COUNT - 100) for _ in range(6)]
        return [
            step("DEL", key),
            step(self.one_of("LPUSH", "RPUSH"), key, *elements),
            *[step("LINSERT", key, self.r.pick((b"BEFORE", b"AFTER")), self.r.pick(elements), self.member()) for _ in middle],
            *[step("LSET", key, place, self.member()) for place in middle],
            *[step("LREM", key, self.r.random.randint(-2, 2), self.r.pick(elements)) for _ in middle],
            *[step("LINDEX", key, place) for place in middle],
            step("LPOS", key, self.r.pick(elements), "RANK", -1),
            step("LRANGE", key, middle[0], middle[0] + 20),
            step("LTRIM", key, *sorted(middle)[:2]) if self.r.chance(0.5) else step("LLEN", key),
            step("LRANGE", key, 0, -1),
        ]

    def bad_calls(self) -> list[Step]:
        key, other = self.own_key(), self.own_key()
        return [step(*self.r.pick([
            [b"LPOP", key, self.r.pick(BAD_COUNTS)], [b"RPOP", key, b"1", b"2"], [b"LRANGE", key, b"a", b"b"], [b"LRANGE", key, b"0"],
            [b"LINDEX", key, b"abc"], [b"LSET", key, b"abc", b"x"], [b"LSET", b"none", b"0", b"x"], [b"LSET", key, b"10000", b"x"],
            [b"LINSERT", key, b"BEFORE", b"a"], [b"LREM", key, b"abc", b"x"], [b"LTRIM", key, b"x", b"y"], [b"LMOVE", key, other, b"LEFT"],
            [b"LMPOP", b"1", key], [b"LMPOP", b"0", key, b"LEFT"], [b"LMPOP", b"abc", key, b"LEFT"], [b"LMPOP", b"2", key, b"LEFT"],
            [b"LMPOP", b"1", key, b"LEFT", b"COUNT", b"0"], [b"LMPOP", b"1", key, b"LEFT", b"COUNT", b"1", b"COUNT", b"1"],
            [b"LPOS", key, b"a", b"RANK", b"0"], [b"LPOS", key, b"a", b"COUNT", b"-1"], [b"LPOS", key, b"a", b"MAXLEN", b"-1"],
            [b"LPUSH", key], [b"LPUSHX", key], [b"LLEN"], [b"RPOPLPUSH", key],
        ]))]  # fmt: skip
