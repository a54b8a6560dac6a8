"""Sorted sets: scores of every kind, ranges by rank, score and name, unions and intersections.

Ranges by name are defined where all scores are equal: they go to keys of their own (`lex:`), whose scores are all 0.
"""

from __future__ import annotations

from comparison import SORTED
from comparison_collections import ELEMENT_SCAN, RANDOM_MEMBERS
from generators.base import Step, Table, step
from generators.typed import NOT_COUNTS, TypedFamily

HOSTILE_SCORES = (
    b"inf", b"-inf", b"+inf", b"Infinity", b"-INFINITY", b"-0", b"0x1p3", b"0xA", b"1e308", b"-1e308", b"5e-324",
    b"2.2250738585072014e-308", b"9007199254740993", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551616", b"0.1",
    b"0.30000000000000004", b"1e17", b"1e21", b"3.141592653589793238", b"1.7976931348623157e308", b"123456789012.25", b"1e-7", b"+1",
    b"00012", b".5", b"5.",
)  # fmt: skip
NOT_SCORES = (b"nan", b"-nan", b"NAN", b"", b" 1", b"1 ", b"abc", b"1e", b"1e400", b"--1", b"1,5", b"1\x00", b"0x", b"inf1", b"1e-400", b"(1")
AGGREGATES = (b"SUM", b"MIN", b"MAX")
MIXED_COUNT = 400


class SortedSets(TypedFamily):
    kind, prefix = "zset", b"zset"
    commands = tuple(
        """ZADD ZREM ZSCORE ZMSCORE ZINCRBY ZCARD ZCOUNT ZLEXCOUNT ZRANK ZREVRANK ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE
        ZRANGEBYLEX ZREVRANGEBYLEX ZRANGESTORE ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN ZPOPMAX ZMPOP ZRANDMEMBER ZSCAN
        ZUNION ZINTER ZDIFF ZINTERCARD ZUNIONSTORE ZINTERSTORE ZDIFFSTORE""".split()
    )

    def table(self) -> Table:
        return [
            (18, self.add),
            (4, self.add_to_lex),
            (5, lambda: self.call("ZREM", self.any_key(), *self.members())),
            (5, lambda: self.call("ZSCORE", self.any_key(), self.member())),
            (4, lambda: self.call("ZMSCORE", self.any_key(), *self.members())),
            (7, lambda: self.call("ZINCRBY", self.key(), self.score(), self.member())),
            (2, lambda: self.call("ZCARD", self.any_key())),
            (4, lambda: self.call("ZCOUNT", self.any_key(), *self.score_range())),
            (4, lambda: self.call("ZLEXCOUNT", self.lex_key(), *self.lex_range())),
            # (A list, so that it is not spoiled: what follows the member is another error since there is WITHSCORE.)
            (6, lambda: [self.call(self.one_of("ZRANK", "ZREVRANK"), self.any_key(), self.member())]),
            (8, self.range),
            (4, self.range_by_rank),
            (6, self.range_by_score),
            (5, self.range_by_lex),
            (4, self.range_store),
            (3, self.remove_range),
            (4, self.pop),
            (3, self.multiple_pop),
            (1.5, self.random_member),
            (1, self.scan),
            (6, self.combine),
            (2, self.count_intersection),
            (3, lambda: self.call("OBJECT", b"ENCODING", self.own_key())),
            (1.5, self.remove),
            (0.3, self.foreign_keys),
            (0.1, self.mixed),
            (0.7, self.bad_calls),
        ]

    # Keys, scores and ranges

    def lex_key(self) -> bytes:
        return b"lex:%d" % self.r.random.randrange(4) if self.r.chance(0.95) else self.r.pick((b"never", b"is:string", b"lex:none"))

    def any_key(self) -> bytes:
        return self.lex_key() if self.r.chance(0.1) else self.key()

    def score(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.6:
            return b"%d" % self.r.random.randint(-6, 12)
        if kind < 0.75:
            return b"%.2f" % (self.r.random.randint(-40, 40) / 4)
        if kind < 0.85:
            return repr(self.r.random.uniform(-1e3, 1e3) * 10 ** self.r.random.randint(-12, 12)).encode()
        return self.r.pick(HOSTILE_SCORES) if kind < 0.97 else self.r.pick(NOT_SCORES)

    def easy_score(self) -> bytes:
        """Sums of these are exact in any order."""
        return b"%d" % self.r.random.randint(-6, 12) if self.r.chance(0.8) else b"%.2f" % (self.r.random.randint(-40, 40) / 4)

    def score_bound(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.12:
            return self.r.pick((b"-inf", b"+inf", b"inf"))
        bound = self.easy_score() if kind < 0.9 else self.score()
        return b"(" + bound if self.r.chance(0.3) else bound

    def score_range(self, reverse: bool = False) -> list[bytes]:
        bounds = [self.score_bound(), self.score_bound()]
        if self.r.chance(0.3):
            bounds = [b"-inf", b"+inf"]
        try:
            in_order = sorted(bounds, key=lambda bound: float(bound.lstrip(b"(")))
        except ValueError:
            return bounds
        in_order = in_order if self.r.chance(0.9) else bounds
        return in_order[::-1] if reverse else in_order

    def lex_bound(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.2:
            return self.r.pick((b"-", b"+"))
        if kind < 0.96:
            return self.r.pick((b"[", b"(")) + (self.member() if self.r.chance(0.8) else self.r.pick((b"", b"m", b"m:", b"\xff", b"a", b"-")))
        return self.r.pick((b"", b"a", b"--", b"+1", b"-inf", b"[", b"("))

    def lex_range(self, reverse: bool = False) -> list[bytes]:
        bounds = [self.lex_bound(), self.lex_bound()]
        if self.r.chance(0.85):
            bounds.sort(key=lambda bound: (bound[:1] == b"+", bound[:1] != b"-", bound[1:]))
        return bounds[::-1] if reverse else bounds

    def limit(self, share: float = 0.35) -> list[bytes]:
        if not self.r.chance(share):
            return []
        if self.r.chance(0.6):
            return [self.r.case(b"LIMIT"), self.index(4), self.index(12)]
        return [self.r.case(b"LIMIT"), b"%d" % self.r.random.randint(0, 5), b"%d" % self.r.random.randint(-1, 9)]

    # Writing

    def add(self) -> Step:
        options = []
        if self.r.chance(0.45):
            for option, share in ((b"NX", 0.2), (b"XX", 0.25), (b"GT", 0.25), (b"LT", 0.25), (b"CH", 0.5), (b"INCR", 0.25)):
                if self.r.chance(share):
                    options.append(self.r.case(option))
            self.r.random.shuffle(options)
        members = self.members()
        if b"INCR" in [option.upper() for option in options] and self.r.chance(0.9):
            members = members[:1]
        score = self.score if len(members) < 8 else self.easy_score
        return self.call("ZADD", self.key(), *options, *[word for member in members for word in (score(), member)])

    def add_to_lex(self) -> Step:
        key = b"lex:%d" % self.r.random.randrange(4)
        return self.call("ZADD", key, *[word for member in self.members() for word in (b"0", member)])

    def remove_range(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.35:
            start = self.r.random.randint(-6, 6)
            bounds = [b"%d" % start, b"%d" % (start + self.r.random.randint(-1, 3))] if self.r.chance(0.9) else [self.index(), self.index()]
            return self.call("ZREMRANGEBYRANK", self.any_key(), *bounds)
        if kind < 0.7:
            bounds = self.score_range() if self.r.chance(0.4) else [self.easy_score()] * 2
            return self.call("ZREMRANGEBYSCORE", self.any_key(), *bounds)
        return self.call("ZREMRANGEBYLEX", self.lex_key(), *self.lex_range())

    def pop(self) -> Step:
        count = [self.count()] if self.r.chance(0.5) else []
        return self.call(self.one_of("ZPOPMIN", "ZPOPMAX"), self.any_key(), *count)

    def multiple_pop(self) -> Step:
        keys = self.some()
        options = [self.r.case(b"COUNT"), self.count()] if self.r.chance(0.5) else []
        if self.r.chance(0.03):
            options += self.r.pick([[b"COUNT"], [b"COUNT", b"1"], [b"BOGUS"], [b"MIN"]])
        return self.call("ZMPOP", self.number_of(keys), *keys, self.r.case(self.r.pick((b"MIN", b"MAX"))), *options)

    # Reading

    def range_arguments(self, reverse: bool) -> tuple[bytes, list[bytes]]:
        """A key, and bounds with the option that says what they bound."""
        kind = self.r.random.random()
        if kind < 0.4:
            return self.any_key(), [self.index(), self.index()]
        if kind < 0.7:
            return self.any_key(), [*self.score_range(reverse), self.r.case(b"BYSCORE")]
        return self.lex_key(), [*self.lex_range(reverse), self.r.case(b"BYLEX")]

    def range(self) -> Step:
        reverse = self.r.chance(0.4)
        key, arguments = self.range_arguments(reverse)
        options = [[self.r.case(b"REV")]] if reverse else []
        if len(arguments) > 2 or self.r.chance(0.05):
            options.append(self.limit())
        if arguments[-1].upper() != b"BYLEX" and self.r.chance(0.5) or self.r.chance(0.03):
            options.append([self.r.case(b"WITHSCORES")])
        if self.r.chance(0.02):
            options.append(self.r.pick([[b"BOGUS"], [b"LIMIT", b"1"], [b"BYSCORE"], [b"BYLEX"], [b"LIMIT", b"a", b"b"]]))
        self.r.random.shuffle(options)
        return self.call("ZRANGE", key, *arguments, *[word for option in options for word in option])

    def range_by_rank(self) -> Step:
        options = [self.r.case(b"WITHSCORES")] if self.r.chance(0.5) else []
        return self.call(self.one_of("ZREVRANGE", "ZRANGE"), self.any_key(), self.index(), self.index(), *options)

    def range_by_score(self) -> Step:
        name = self.one_of("ZRANGEBYSCORE", "ZREVRANGEBYSCORE")
        options = [[self.r.case(b"WITHSCORES")] if self.r.chance(0.5) else [], self.limit()]
        self.r.random.shuffle(options)
        return self.call(name, self.any_key(), *self.score_range("REV" in name), *options[0], *options[1])

    def range_by_lex(self) -> Step:
        name = self.one_of("ZRANGEBYLEX", "ZREVRANGEBYLEX")
        return self.call(name, self.lex_key(), *self.lex_range("REV" in name), *self.limit())

    def range_store(self) -> Step:
        reverse = self.r.chance(0.4)
        key, arguments = self.range_arguments(reverse)
        options = [[self.r.case(b"REV")]] if reverse else []
        if len(arguments) > 2:
            options.append(self.limit())
        if self.r.chance(0.02):
            options.append([b"WITHSCORES"])
        self.r.random.shuffle(options)
        return self.call("ZRANGESTORE", self.own_key(), key, *arguments, *[word for option in options for word in option])

    def random_member(self) -> Step:
        options = []
        if self.r.chance(0.8):
            options.append(self.r.random.randint(-15, 15))
            if self.r.chance(0.6):
                options.append(self.r.case(b"WITHSCORES"))
        return step(self.name("ZRANDMEMBER"), self.any_key(), *options, comparison=RANDOM_MEMBERS)

    def scan(self) -> Step:
        options: list[bytes] = []
        if self.r.chance(0.4):
            options += [self.r.case(b"MATCH"), self.r.pick((b"*", b"m:*", b"1*", b"*1*", b"-?", b"", b"m:[0-3]"))]
        if self.r.chance(0.5):
            options += [self.r.case(b"COUNT"), self.r.pick((b"1", b"3", b"10", b"1000"))]
        return step("ZSCAN", self.any_key(), b"0", *options, comparison=ELEMENT_SCAN)

    # Several keys

    def combine(self) -> Step | list[Step]:
        """Three and more keys only with scores whose sums do not depend on the order: Redis starts with the smallest."""
        operation = self.one_of("ZUNION", "ZINTER", "ZDIFF")
        keys = [self.input_key() for _ in range(self.r.random.randint(1, 4))]
        if len(keys) > 2 and operation != "ZDIFF":
            keys = [b"easy:%d" % self.r.random.randrange(4) if self.r.chance(0.7) else self.foreign["set"][0] for _ in keys]
        options: list[list[bytes]] = []
        if operation != "ZDIFF" or self.r.chance(0.03):
            if self.r.chance(0.4):
                weight = self.score if len(keys) < 3 else self.easy_score
                options.append([self.r.case(b"WEIGHTS"), *[weight() for _ in keys]])
            if self.r.chance(0.5):
                options.append([self.r.case(b"AGGREGATE"), self.r.case(self.r.pick(AGGREGATES))])
        if self.r.chance(0.02):
            options.append(self.r.pick([[b"BOGUS"], [b"WEIGHTS", b"1"], [b"AGGREGATE"], [b"AGGREGATE", b"AVG"], [b"WEIGHTS"]]))
        store = self.r.chance(0.5)
        if (not store and self.r.chance(0.7)) or self.r.chance(0.02):
            options.append([self.r.case(b"WITHSCORES")])
        self.r.random.shuffle(options)
        words = [word for option in options for word in option]
        if store:
            return self.call(operation + "STORE", self.own_key(), self.number_of(keys), *keys, *words)
        if len(keys) > 2 and self.r.chance(0.3):
            return [self.add_easy(), self.call(operation, self.number_of(keys), *keys, *words)]
        return self.call(operation, self.number_of(keys), *keys, *words)

    def input_key(self) -> bytes:
        if self.r.chance(0.1) and "set" in self.foreign:
            return self.foreign["set"][0]
        return b"easy:%d" % self.r.random.randrange(4) if self.r.chance(0.1) else self.any_key()

    def add_easy(self) -> Step:
        members = self.members()
        if self.r.chance(0.05):
            return step("DEL", b"easy:%d" % self.r.random.randrange(4))
        return step("ZADD", b"easy:%d" % self.r.random.randrange(4), *[word for member in members for word in (self.easy_score(), member)])

    def count_intersection(self) -> Step:
        keys = self.some()
        limit = [self.r.case(b"LIMIT"), self.count() if self.r.chance(0.7) else b"0"] if self.r.chance(0.6) else []
        return self.call("ZINTERCARD", self.number_of(keys), *keys, *limit)

    # Large ones, and nonsense

    def mixed(self) -> list[Step]:
        """Many members, many of equal score, in and out, with ranks and ranges asked in between."""
        key = self.own_key()
        scores = [self.r.random.randint(0, 50) if self.r.chance(0.7) else self.r.random.uniform(-100, 100) for _ in range(MIXED_COUNT)]
        steps = [step("DEL", key), step("ZADD", key, *[word for index, score in enumerate(scores) for word in (repr(score), b"n:%d" % index)])]
        for _ in range(60):
            member = b"n:%d" % self.r.random.randrange(MIXED_COUNT)
            steps.append(step(*self.r.pick([
                ("ZREM", key, member), ("ZADD", key, self.easy_score(), member), ("ZINCRBY", key, "0.5", member), ("ZRANK", key, member),
                ("ZREVRANK", key, member), ("ZRANGE", key, self.index(300), self.index(300)), ("ZCOUNT", key, "10", "(20"),
                ("ZPOPMIN", key, "3"), ("ZPOPMAX", key), ("ZREMRANGEBYRANK", key, "100", "103"),
                ("ZRANGEBYSCORE", key, "5", "(6", "WITHSCORES"), ("ZREVRANGEBYSCORE", key, "(40", "30", "LIMIT", "2", "5"),
            ])))  # fmt: skip
        return [*steps, step("ZRANGE", key, 0, -1, "WITHSCORES"), step("ZSCORE", key, "n:5")]

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [step(*self.r.pick([
            [b"ZADD", key, b"1"], [b"ZADD", key, b"1", b"a", b"2"], [b"ZADD", key, b"NX", b"XX", b"1", b"a"],
            [b"ZADD", key, b"GT", b"LT", b"1", b"a"], [b"ZADD", key, b"GT", b"NX", b"1", b"a"],
            [b"ZADD", key, b"INCR", b"1", b"a", b"2", b"b"], [b"ZADD", key, b"nan", b"a"], [b"ZADD", key, b"1", b"a", b"x", b"b"],
            [b"ZADD", key, b"NX", b"a"], [b"ZINCRBY", key, b"nan", b"a"], [b"ZINCRBY", key, b"x", b"a"], [b"ZRANGE", key, b"a", b"b"],
            [b"ZRANGE", key, b"0", b"-1", b"LIMIT", b"0", b"1"], [b"ZRANGE", key, b"[a", b"[b", b"BYLEX", b"WITHSCORES"],
            [b"ZRANGE", key, b"0", b"1", b"BYSCORE", b"BYLEX"], [b"ZRANGE", key, b"a", b"b", b"BYLEX"],
            [b"ZRANGE", key, b"(a", b"1", b"BYSCORE"], [b"ZRANGEBYSCORE", key, b"nan", b"1"],
            [b"ZRANGEBYSCORE", key, b"0", b"1", b"LIMIT", b"0"], [b"ZRANGEBYLEX", key, b"a", b"b"],
            [b"ZRANGESTORE", key, b"none", b"0", b"-1"], [b"ZRANGESTORE", key, key, b"0"], [b"ZREVRANGE", key, b"0", b"1", b"BYSCORE"],
            [b"ZREMRANGEBYRANK", key, b"a", b"1"], [b"ZREMRANGEBYSCORE", key, b"a", b"1"], [b"ZREMRANGEBYLEX", key, b"a", b"b"],
            [b"ZPOPMIN", key, b"-1"], [b"ZPOPMIN", key, b"x"], [b"ZPOPMAX", key, b"0"], [b"ZPOPMIN", key, b"1", b"2"],
            [b"ZMPOP", b"1", key], [b"ZMPOP", b"1", key, b"MID"], [b"ZMPOP", b"1", key, b"MIN", b"COUNT", b"0"],
            [b"ZMPOP", b"0", key, b"MIN"], [b"ZUNION", b"0", key], [b"ZUNION", b"1", key, b"WEIGHTS", b"x"],
            [b"ZUNION", b"1", key, b"WEIGHTS", b"nan"], [b"ZINTER", b"2", key], [b"ZDIFF", b"1", key, b"WEIGHTS", b"1"],
            [b"ZUNIONSTORE", key, b"abc", key], [b"ZUNIONSTORE", key, b"1", key, b"WITHSCORES"],
            [b"ZINTERCARD", b"1", key, b"LIMIT", b"-1"], [b"ZINTERCARD", b"0", key], [b"ZDIFFSTORE", key, b"1"],
            [b"ZRANDMEMBER", key, b"abc"], [b"ZRANDMEMBER", key, b"1", b"BOGUS"], [b"ZRANDMEMBER", key, b"-9223372036854775808"],
            [b"ZSCAN", key, b"abc"], [b"ZSCAN", key, b"0", b"COUNT", self.r.pick(NOT_COUNTS)], [b"ZSCAN", b"never", b"99"],
            [b"ZSCORE", key], [b"ZMSCORE", key], [b"ZRANK", key], [b"ZLEXCOUNT", key, b"a", b"b"], [b"ZCOUNT", key, b"a", b"b"],
            [b"ZCOUNT", key, b"(", b"1"], [b"ZREM", key],
        ]))]  # fmt: skip
