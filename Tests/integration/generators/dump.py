"""DUMP and RESTORE: values of every type and size handed from each server to the other, and payloads made by hand."""

from __future__ import annotations

import payloads
from comparison import SECONDS
from comparison_collections import CONTENTS, EXCHANGE
from generators.base import BAD_TIMES, Step, Table, step
from generators.typed import AROUND_LIMITS, TypedFamily

SIZES = (1, 2, 5, 9, 20, 33, 130, 520, 600)
COMPRESSIBLE = b"abcd" * 400


class Dump(TypedFamily):
    kind, prefix = "none", b"dump"
    key_count = 8
    commands = ("DUMP", "RESTORE", "RPUSH", "HSET", "SADD", "ZADD", "XADD")
    # A spoiled RESTORE could be given a time that is over before the run is.
    spoils = False

    def __init__(self, randoms) -> None:
        self.makers = [self.string]
        for command, maker in (("RPUSH", self.list), ("HSET", self.hash), ("SADD", self.set), ("ZADD", self.zset), ("XADD", self.stream)):
            if command in randoms.available:
                self.makers.append(maker)
        super().__init__(randoms)

    def table(self) -> Table:
        return [
            (30, self.make),
            (14, lambda: step("EXCHANGE", self.own_key(), self.own_key(), comparison=EXCHANGE)),
            (1, lambda: step("DUMP", b"none")),
            (24, self.made_by_hand),
            (12, self.options),
            (10, self.bad_payload),
            (8, self.bad_options),
            (10, lambda: step("EXISTS", *self.some())),
            (3, lambda: step("CONTENTS", self.own_key(), comparison=CONTENTS)),
            (2, self.remove),
            (0.5, self.foreign_keys),
        ]

    # Values of every type

    def element(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.3:
            return b"%d" % self.r.random.randint(-(2 ** self.r.random.randint(1, 63)), 2 ** self.r.random.randint(1, 63) - 1)
        return self.member() if kind < 0.9 else self.r.pick((self.long_member(), COMPRESSIBLE, b"\xff" * self.r.pick(AROUND_LIMITS)))

    def elements(self) -> list[bytes]:
        size = self.r.pick(SIZES)
        if self.r.chance(0.3):
            return [b"%d" % (index * self.r.pick((1, 1, 1, 1_000, 2**40))) for index in range(size)]
        return [self.element() if self.r.chance(0.3) else b"m:%d" % index for index in range(size)]

    def make(self) -> list[Step]:
        key = self.own_key()
        return [step("DEL", key), *self.r.pick(self.makers)(key)]

    def string(self, key: bytes) -> list[Step]:
        value = self.r.pick((self.r.value(), COMPRESSIBLE, b"%d" % self.r.random.randint(-(2**63), 2**63 - 1), self.element()))
        return [step("SET", key, value)]

    def list(self, key: bytes) -> list[Step]:
        return [step("RPUSH", key, *self.elements()), step("LPOP", key), step("LPUSH", key, self.element())]

    def hash(self, key: bytes) -> list[Step]:
        return [step("HSET", key, *[word for field in self.elements() for word in (field, self.element())])]

    def set(self, key: bytes) -> list[Step]:
        return [step("SADD", key, *self.elements())]

    def zset(self, key: bytes) -> list[Step]:
        def score() -> bytes:
            random_score = repr(self.r.random.random()).encode()
            return self.r.pick((b"1", b"-0", b"inf", b"-inf", b"0.1", b"1e300", b"%d" % self.r.random.randint(-9, 9), random_score))

        return [step("ZADD", key, *[word for member in self.elements() for word in (score(), member)])]

    def stream(self, key: bytes) -> list[Step]:
        size = self.r.pick(SIZES[:-2])
        steps = []
        for index in range(size):
            pairs = [b"name", self.element()] if self.r.chance(0.8) else [word for _ in range(3) for word in (self.element(), self.element())]
            steps.append(step("XADD", key, b"%d-%d" % (index // 3 + 1, index + 1), *pairs))
        if self.r.chance(0.6):
            steps.append(step("XDEL", key, *[b"%d-%d" % (index // 3 + 1, index + 1) for index in range(0, size, self.r.random.randint(2, 9))]))
        if self.r.chance(0.7):
            for group in (b"g1", b"g2")[: self.r.random.randint(1, 2)]:
                steps.append(step("XGROUP", "CREATE", key, group, self.r.pick((b"0", b"$", b"3-1"))))
                steps.append(step("XGROUP", "CREATECONSUMER", key, group, "idle"))
                for consumer in (b"alice", b"bob"):
                    steps.append(step("XREADGROUP", "GROUP", group, consumer, "COUNT", self.r.random.randint(1, 9), "STREAMS", key, ">"))
                steps.append(step("XACK", key, group, b"1-1", b"2-5"))
        return steps

    # Payloads

    def body(self) -> bytes:
        """A value in the forms that need no packing, well made or not."""
        few = [self.element() for _ in range(self.r.random.randint(1, 6))]
        different = list(dict.fromkeys(few))
        numbers = {self.r.random.randint(-900, 900) for _ in range(self.r.random.randint(1, 40))}
        return self.r.pick([
            lambda: b"\x00" + payloads.string(self.element()),
            lambda: b"\x00" + payloads.integer(self.r.random.randint(-(2**31), 2**31 - 1)), lambda: payloads.plain(payloads.LIST, *few),
            lambda: payloads.plain(payloads.SET, *(different if self.r.chance(0.8) else few + few)),
            lambda: payloads.plain(payloads.HASH, *[word for field in different for word in (field, self.element())]),
            lambda: payloads.plain(payloads.HASH, b"a", b"1", b"a", b"2") if self.r.chance(0.3) else payloads.plain(payloads.HASH, b"a", b"1"),
            lambda: payloads.sorted_set(*[(member, self.r.pick((0.0, -0.0, 1.5, 1e300, float("inf")))) for member in different]),
            lambda: payloads.sorted_set((b"a", self.r.pick((float("nan"), float("-inf"), 1.0))), (self.r.pick((b"a", b"b")), 1.0)),
            lambda: payloads.textual_sorted_set(*[(member, self.r.pick((b"1", b"1.5", b"inf", b"-inf", b"-7"))) for member in different]),
            lambda: payloads.textual_sorted_set((b"a", self.r.pick((b"nan", b"1", b"abc"))), (b"b", b"1")),
            lambda: payloads.integer_set(*sorted(numbers), width=self.r.pick((2, 4, 8))),
            lambda: payloads.integer_set(*self.r.pick([(3, 2, 1), (1, 1), (), (5,)])),
            lambda: bytes([self.r.pick((payloads.LIST, payloads.SET, payloads.HASH, payloads.ZSET, payloads.ZSET_BINARY))]) + b"\x00",
        ])()  # fmt: skip

    def made_by_hand(self) -> list[Step]:
        key = self.own_key()
        payload = payloads.sealed(self.body(), self.r.pick((10, 10, 9, 6, 1)))
        return [step("RESTORE", key, "0", payload, "REPLACE"), step("CONTENTS", key, comparison=CONTENTS)]

    def options(self) -> list[Step]:
        key, payload = self.own_key(), payloads.sealed(b"\x00" + payloads.string(self.member()))
        seconds = self.r.rising_seconds()
        words = [self.r.case(b"REPLACE")] if self.r.chance(0.6) else []
        if self.r.chance(0.3):
            time = self.r.absolute_seconds() * 1_000 if self.r.chance(0.7) else self.r.pick((1, 1_000_000_000_000))
            words.append(self.r.case(b"ABSTTL"))
        else:
            time = 0 if self.r.chance(0.5) else seconds * 1_000
        if self.r.chance(0.3):
            words += self.r.pick((b"IDLETIME 100", b"FREQ 5", b"IDLETIME -1", b"FREQ 256", b"IDLETIME 0", b"FREQ x")).split()
        return [step(self.name("RESTORE"), key, time, payload, *words), step("EXISTS", key), step("TTL", key, comparison=SECONDS)]

    def bad_payload(self) -> list[Step]:
        """Damaged after it was sealed, or of a version to come: refused before it is read.

        (Not ten zeros: their checksum is right, and redis-server reads a value that ends early on into version and checksum. Nor a zero
        behind a good payload: where the checksum begins with a zero too it is right again, and redis-server passes over what is left.)"""
        good = payloads.sealed(self.body())
        place = self.r.random.randrange(len(good))
        bad = self.r.pick([
            good[:place], good + b"\x01", good[:place] + bytes([good[place] ^ 1 << self.r.random.randrange(8)]) + good[place + 1 :], b"",
            b"garbage", good[::-1], payloads.sealed(self.body(), 65_535), payloads.sealed(self.body(), 999), b"x" * 9,
            payloads.sealed(b"\x00"), payloads.sealed(b"\x06a"), payloads.sealed(b"\xff"),
            payloads.sealed(b"\xfa\x00"),
        ])  # fmt: skip
        return [step("RESTORE", self.own_key(), "0", bad, "REPLACE")]

    def bad_options(self) -> list[Step]:
        good = payloads.sealed(b"\x00\x01x")
        return [step("RESTORE", *self.r.pick([
            [], [b"dump:0"], [b"dump:0", b"0"], [b"dump:0", b"-1", good], [b"dump:0", b"abc", good, b"REPLACE"],
            [b"dump:0", b"0", good, b"BOGUS"], [b"dump:0", self.r.pick(BAD_TIMES[2:6]), good, b"REPLACE"],
            [b"dump:0", b"0", good, b"IDLETIME"], [b"dump:0", b"0", good, b"FREQ"], [b"dump:0", b"0", good], [b"dump:0", b"0", b"bad"],
            [b"dump:none", b"-1", b"bad"], [b"is:string", b"0", good], [b"is:list", b"0", b"bad"],
            [b"dump:0", b"0", good, b"REPLACE", b"REPLACE"], [b"dump:0", b"0", good, b"IDLETIME", b"1", b"FREQ", b"1"],
        ])), step("DUMP", *self.r.pick([[], [b"a", b"b"]]))]  # fmt: skip
