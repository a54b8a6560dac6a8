"""HyperLogLogs: their strings must be the same bytes on both servers, sparse and dense."""

from __future__ import annotations

from generators.base import Step, Table, step
from generators.typed import TypedFamily


class HyperLogLogs(TypedFamily):
    kind, prefix = "string", b"hll"
    key_count = 6
    commands = tuple("PFADD PFCOUNT PFMERGE PFDEBUG".split())

    def table(self) -> Table:
        return [
            (14, lambda: self.call("PFADD", self.key(), *self.elements())),
            (1, lambda: self.call("PFADD", self.key())),
            (10, lambda: self.call("PFCOUNT", *self.some(3))),
            (5, lambda: self.call("PFMERGE", self.key(), *self.some(3))),
            (1, lambda: self.call("PFMERGE", self.key())),
            (6, lambda: self.call("GET", self.key())),
            (2, lambda: self.call("STRLEN", self.key())),
            (2, self.debug),
            (1, self.damage),
            (1, self.remove),
            (1, lambda: self.call("DEL", self.own_key())),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    def elements(self) -> list[bytes]:
        """Enough of them, at times, to leave the sparse form."""
        kind = self.r.random.random()
        if kind < 0.7:
            return [self.member() for _ in range(self.r.random.randint(1, 5))]
        count = self.r.pick((30, 100, 300)) if kind < 0.97 else 3_000
        first = self.r.random.randrange(10**6)
        return [b"%d" % (first + index) for index in range(count)]

    def debug(self) -> list[Step]:
        """(A list, so that it is not spoiled.)"""
        subcommand = self.one_of("ENCODING", "ENCODING", "DECODE", "TODENSE", "GETREG", "BOGUS")
        if subcommand in ("TODENSE", "GETREG") and self.r.chance(0.7):
            subcommand = "ENCODING"
        return [step(self.name("PFDEBUG"), self.name(subcommand), self.own_key() if self.r.chance(0.9) else self.key())]

    def damage(self) -> list[Step]:
        """What is no HyperLogLog any more, or one whose parts do not fit together."""
        key = self.own_key()
        damage = self.r.pick([
            ("SET", key, b"HYLL"), ("SET", key, b"x" * 12_304), ("SET", key, b"HYLL\x02" + b"\x00" * 30), ("SETRANGE", key, 0, b"HYLX"),
            ("SET", key, b"HYLL\x00" + b"\x00" * 12_299), ("SET", key, b"HYLL\x00" + b"\x00" * 100),
            ("SET", key, b"HYLL\x01" + b"\x00" * 11), ("SET", key, b"HYLL\x01" + b"\x00" * 11 + b"\x7f\xff"),
            ("SET", key, b"HYLL\x01" + b"\x00" * 11 + b"\x7f\xfe"), ("SET", key, b""),
            ("SET", key, b"HYLL\x01" + b"\x00" * 11 + b"\x80" * 40), ("SETRANGE", key, 8, b"\xff" * 8), ("APPEND", key, b"\x80"),
            ("SET", key, b"123"), ("SET", key, b"HYLL\x01" + b"\x00" * 11 + b"\x7f\xff\x7f\xff"),
            ("SET", key, b"HYLL\x00" + b"\x00" * 11 + b"\xff" * 12_288),
        ])  # fmt: skip
        return [
            step(*damage),
            step("PFCOUNT", key),
            step("PFADD", key, *self.elements()[:5]),
            step("PFCOUNT", key, b"hll:0"),
            step("PFMERGE", b"hll:1", key),
            step("GET", key),
            step("DEL", key),
        ]

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [step(*self.r.pick([
            [b"PFADD"], [b"PFCOUNT"], [b"PFMERGE"], [b"PFCOUNT", b"none"], [b"PFCOUNT", b"none", b"is:string"],
            [b"PFMERGE", b"is:list", key], [b"PFADD", b"is:string", b"a"], [b"PFMERGE", key, b"is:string"], [b"PFDEBUG"],
            [b"PFDEBUG", b"ENCODING"], [b"PFDEBUG", b"DECODE", b"none"], [b"PFDEBUG", b"GETREG", b"is:string"],
            [b"PFDEBUG", b"ENCODING", key, b"x"], [b"PFSELFTEST", b"x"],
        ]))]  # fmt: skip
