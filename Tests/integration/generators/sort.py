"""SORT of lists, sets and sorted sets, by weights and with values that lie in other keys.

Weights that could tie are left out where the order would then be open (ALPHA with BY): each element has its own.
"""

from __future__ import annotations

from comparison import EXACT, SORTED
from generators.base import Step, Table, step
from generators.typed import TypedFamily

ELEMENTS = 14
PATTERNS = (b"weight:*", b"hash:*->w", b"*:weight", b"hash:*->none", b"none:*", b"nopattern", b"*", b"hash:*->", b"weight:*->w", b"w*x")
GET_PATTERNS = (b"#", b"weight:*", b"hash:*->w", b"hash:*->name", b"none:*", b"nopattern", b"*:weight", b"hash:*->", b"->w", b"weight:*->w")


class Sort(TypedFamily):
    kind, prefix = "none", b"sort"
    commands = ("SORT", "SORT_RO", "RPUSH", "SADD", "ZADD", "HSET")
    # A word less could make a BY without a star, and so leave the order of a set open.
    spoils = False

    def table(self) -> Table:
        return [
            (8, self.fill),
            (5, self.weights),
            (14, self.sort),
            (6, self.sort_alpha),
            (8, self.sort_by),
            (3, self.sort_nothing),
            (6, self.store),
            (2, lambda: self.call("LRANGE", self.own_key(), 0, -1)),
            (1, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    def own_key(self) -> bytes:
        return b"sort:%b:%d" % (self.r.pick((b"list", b"set", b"zset")), self.r.random.randrange(3))

    def key(self) -> bytes:
        return self.own_key() if self.r.chance(0.96) else super().key()

    def element(self, text: bool) -> bytes:
        """A number, mostly, as SORT wants them; with a name that has weights."""
        if self.r.chance(0.002):
            # Nothing out of range: Redis then takes later numbers for that, too, until something resets errno.
            return self.r.pick((b"abc", b"", b"nan", b"inf", b" 1", b"0x10", b"-0", b"1.5", b"1e3"))
        return (b"e%d" if text else b"%d") % self.r.random.randrange(ELEMENTS)

    def fill(self) -> list[Step]:
        key = self.own_key()
        # Texts go to the last key of each type.
        elements = [self.element(key.endswith(b"2")) for _ in range(self.r.random.randint(1, 8))]
        if self.r.chance(0.1) and not key.endswith(b"2"):
            elements = [b"%.3f" % self.r.random.uniform(-100, 100) for _ in range(60)]
        steps = [step("DEL", key)] if self.r.chance(0.3) else []
        if b"list" in key:
            return [*steps, step(self.r.pick(("RPUSH", "LPUSH")), key, *elements)]
        if b"zset" in key:
            return [*steps, step("ZADD", key, *[word for element in elements for word in (self.r.random.randint(0, 9), element)])]
        return [*steps, step("SADD", key, *elements)]

    def weights(self) -> list[Step]:
        """Every element another weight; sometimes one is missing, or no number."""
        order = self.r.random.sample(range(100), ELEMENTS)
        steps = []
        for index, weight in enumerate(order):
            if not self.r.chance(0.3):
                continue
            name = self.r.pick((b"e%d", b"%d")) % index
            steps += [
                step("SET", b"weight:%b" % name, weight),
                step("SET", b"%b:weight" % name, b"%.1f" % (weight / 2)),
                step("HSET", b"hash:%b" % name, "w", weight, "name", b"name of %b" % name),
            ]
        if self.r.chance(0.1):
            steps.append(step("SET", b"weight:%d" % self.r.random.randrange(ELEMENTS), "heavy"))
        elif self.r.chance(0.5):
            steps.append(step("DEL", *[b"weight:%d" % index for index in range(ELEMENTS)]))
        return steps

    def limit(self) -> list[bytes]:
        if not self.r.chance(0.4):
            return []
        return [self.r.case(b"LIMIT"), b"%d" % self.r.random.randint(-2, 6), b"%d" % self.r.random.randint(-2, 9)]

    def gets(self, share: float = 0.4) -> list[bytes]:
        if not self.r.chance(share):
            return []
        return [word for _ in range(self.r.random.randint(1, 3)) for word in (self.r.case(b"GET"), self.r.pick(GET_PATTERNS))]

    def direction(self) -> list[bytes]:
        return [self.r.case(self.r.pick((b"ASC", b"DESC")))] if self.r.chance(0.6) else []

    def shuffled(self, *options: list[bytes]) -> list[bytes]:
        parts = list(options)
        self.r.random.shuffle(parts)
        return [word for part in parts for word in part]

    def sort(self) -> Step:
        return self.call(self.one_of("SORT", "SORT", "SORT_RO"), self.key(), *self.shuffled(self.limit(), self.gets(), self.direction()))

    def sort_alpha(self) -> Step:
        alpha = [self.r.case(b"ALPHA")]
        return self.call(self.one_of("SORT", "SORT_RO"), self.key(), *self.shuffled(alpha, self.limit(), self.gets(), self.direction()))

    def sort_by(self) -> Step:
        """By number: equal weights fall back on the elements. A pattern without a star leaves the order as it is."""
        pattern = self.r.pick(PATTERNS)
        options = self.shuffled([self.r.case(b"BY"), pattern], self.limit(), self.gets(), self.direction())
        if b"*" not in pattern:
            return self.sort_nothing()
        return self.call(self.one_of("SORT", "SORT_RO"), self.key(), *options)

    def sort_nothing(self) -> Step:
        key = self.own_key()
        by = [self.r.case(b"BY"), self.r.pick((b"nosort", b"NOSORT", b"x"))]
        if b"sort:set" in key:
            return self.call("SORT", key, *self.shuffled(by, self.direction()), comparison=SORTED)
        return self.call(self.one_of("SORT", "SORT_RO"), key, *self.shuffled(by, self.limit(), self.gets(), self.direction()))

    def store(self) -> list[Step]:
        key, target = self.key(), b"sort:list:%d" % self.r.random.randrange(2) if self.r.chance(0.3) else b"sort:stored"
        alpha = [self.r.case(b"ALPHA")] if key.endswith(b"2") or self.r.chance(0.2) else []
        by = [b"BY", self.r.pick((b"weight:*", b"hash:*->w", b"nosort"))] if self.r.chance(0.3) and not alpha else []
        options = self.shuffled(by, alpha, self.limit(), self.gets(), self.direction(), [self.r.case(b"STORE"), target])
        return [self.call("SORT", key, *options), step("LRANGE", target, 0, -1), step("TYPE", target)]

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [Step(words, EXACT) for words in [self.r.pick([
            (b"SORT",), (b"SORT", key, b"BOGUS"), (b"SORT", key, b"LIMIT", b"0"), (b"SORT", key, b"LIMIT", b"a", b"1"),
            (b"SORT", key, b"BY"), (b"SORT", key, b"GET"), (b"SORT", key, b"STORE"), (b"SORT_RO", key, b"STORE", b"x"),
            (b"SORT", b"is:string"), (b"SORT", b"is:hash"), (b"SORT", b"is:stream"), (b"SORT", b"is:string", b"STORE", b"sort:stored"),
            (b"SORT", b"none"), (b"SORT", b"none", b"STORE", b"sort:stored"), (b"SORT", b"none", b"LIMIT", b"x", b"1"),
            (b"SORT", b"is:list"), (b"SORT", b"is:list", b"ALPHA"), (b"SORT", b"is:set", b"ALPHA", b"DESC"), (b"SORT", b"is:zset"),
            (b"SORT", b"is:list", b"BY", b"weight:*", b"GET", b"#"), (b"SORT", key, b"LIMIT", b"0", b"9223372036854775807"),
            (b"SORT", key, b"LIMIT", b"9223372036854775807", b"9223372036854775807"),
            (b"SORT", key, b"LIMIT", b"-9223372036854775808", b"-1"),
        ])]]  # fmt: skip
