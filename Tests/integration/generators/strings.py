"""Strings: every command of the family, with all options and the invalid combinations of them."""

from __future__ import annotations

from generators.base import AFTER_SHORT_SECONDS, SHORT_MILLISECONDS, Family, Step, Table, step

SETRANGE_OFFSETS_TOO_FAR = (b"536870912", b"536870999", b"9223372036854775807", b"4294967296")


class Strings(Family):
    def table(self) -> Table:
        return [
            (12, self.set_plain),
            (16, self.set_with_options),
            (2, self.set_with_bad_options),
            (2, self.set_short_lived),
            (1, self.set_already_past),
            (12, self.get),
            (4, self.getex),
            (3, lambda: step(self.name("GETDEL"), self.r.key())),
            (3, lambda: step(self.name("GETSET"), self.r.key(), self.r.value())),
            (4, lambda: step(self.name("SETNX"), self.r.key(), self.r.value())),
            (3, self.setex),
            (5, lambda: step(self.name("MGET"), *self.r.some_keys(12))),
            (5, lambda: step(self.name("MSET"), *self.pairs())),
            (3, lambda: step(self.name("MSETNX"), *self.pairs())),
            (6, lambda: step(self.name("APPEND"), self.r.key(), self.r.value())),
            (4, lambda: step(self.name("STRLEN"), self.r.key())),
            (5, self.setrange),
            (5, self.getrange),
            (8, self.increment),
            (6, lambda: step(self.name("INCRBYFLOAT"), self.r.key(), self.r.float())),
            (3, self.numbers_near_limits),
            (4, self.lcs),
        ]

    def pairs(self) -> list[bytes]:
        return [argument for key in self.r.some_keys(6) for argument in (key, self.r.value())]

    def set_plain(self) -> Step:
        return step(self.name("SET"), self.r.key(), self.r.value())

    def get(self) -> Step:
        return step(self.name("GET"), self.r.key())

    def set_with_options(self) -> Step:
        options: list[list[bytes]] = []
        if self.r.chance(0.4):
            options.append([self.r.case(self.r.pick((b"NX", b"XX")))])
        if self.r.chance(0.3):
            options.append([self.r.case(b"GET")])
        if self.r.chance(0.5):
            options.append([self.r.case(b"KEEPTTL")] if self.r.chance(0.3) else self.r.ttl_option())
        self.r.random.shuffle(options)
        return step(self.name("SET"), self.r.key(), self.r.value(), *[word for option in options for word in option])

    def set_with_bad_options(self) -> Step:
        bad = self.r.pick([
            [b"NX", b"XX"], [b"XX", b"NX"], [b"EX"], [b"PX"], [b"EX", b"1000", b"PX", b"1000000"], [b"KEEPTTL", b"EX", b"1000"],
            [b"EX", b"1000", b"KEEPTTL"], [b"BOGUS"], [b"GET", b"GET"], [b"NX", b"NX"], [b"EXAT", b"abc"], [b"PERSIST"], [b""],
            [b"KEEPTTL", b"KEEPTTL"], [b"1000"], [b"EX", b"EX"], self.r.bad_ttl_option(),
        ])  # fmt: skip
        # EXAT and PXAT in the past (but positive) are valid: set_already_past has them.
        return step(self.name("SET"), self.r.key(), self.r.value(), *bad)

    def set_short_lived(self) -> list[Step]:
        """Lives a few milliseconds; looked at again when it is gone, so that DBSIZE agrees from there on."""
        key, milliseconds = self.r.key(), SHORT_MILLISECONDS
        write = self.r.pick([
            [b"SET", key, self.r.value(), b"PX", milliseconds],
            [b"PSETEX", key, milliseconds, self.r.value()],
            [b"GETEX", key, b"PX", milliseconds],
            [b"PEXPIRE", key, milliseconds],
        ])  # fmt: skip
        look = self.r.pick([b"EXISTS", b"GET", b"TTL", b"STRLEN", b"OBJECT ENCODING", b"TYPE"]).split()
        return [step(*write, wait_seconds=AFTER_SHORT_SECONDS), step(*look, key)]

    def set_already_past(self) -> list[Step]:
        key = self.r.key()
        option = self.r.pick([(b"PXAT", b"1"), (b"EXAT", b"1"), (b"PXAT", b"1000000000000")])
        command = self.r.pick([(b"SET", key, self.r.value()), (b"GETEX", key)])
        return [step(*command, *option), step("EXISTS", key)]

    def getex(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.3:
            return step(self.name("GETEX"), self.r.key())
        if kind < 0.6:
            return step(self.name("GETEX"), self.r.key(), *self.r.ttl_option())
        if kind < 0.8:
            return step(self.name("GETEX"), self.r.key(), self.r.case(b"PERSIST"))
        bad = self.r.pick([
            [b"EX"], [b"NX"], [b"KEEPTTL"], [b"PERSIST", b"EX", b"1000"], [b"EX", b"1000", b"PERSIST"], [b"BOGUS"],
            [b"EX", b"1000", b"PX", b"1000000"], self.r.bad_ttl_option(),
        ])  # fmt: skip
        return step(self.name("GETEX"), self.r.key(), *bad)

    def setex(self) -> Step:
        command = self.r.pick(("SETEX", "PSETEX"))
        seconds = self.r.far_seconds() * (1000 if command == "PSETEX" else 1)
        time = self.r.bad_ttl_option()[1] if self.r.chance(0.15) else seconds
        return step(self.name(command), self.r.key(), time, self.r.value())

    def setrange(self) -> Step:
        offset = b"%d" % self.r.random.randint(0, 80)
        if self.r.chance(0.1):
            offset = b"%d" % self.r.random.randint(0, 4_000)
        elif self.r.chance(0.1):
            offset = self.r.pick(SETRANGE_OFFSETS_TOO_FAR + (b"-1", b"abc", b"1.5", b""))
        value = b"" if self.r.chance(0.1) else self.r.word(self.r.random.randint(1, 60))
        if offset in SETRANGE_OFFSETS_TOO_FAR and not value:
            value = b"x"
        return step(self.name("SETRANGE"), self.r.key(), offset, value)

    def getrange(self) -> Step:
        return step(self.name(self.r.pick(("GETRANGE", "GETRANGE", "SUBSTR"))), self.r.key(), self.r.index(), self.r.index())

    def increment(self) -> Step:
        command = self.r.pick(("INCR", "DECR", "INCRBY", "DECRBY"))
        if command.endswith("BY"):
            return step(self.name(command), self.r.key(), self.r.integer())
        return step(self.name(command), self.r.key())

    def numbers_near_limits(self) -> list[Step]:
        """Sets a number at a limit, then steps over it."""
        key = self.r.key()
        number = self.r.pick((b"9223372036854775806", b"-9223372036854775807", b"9223372036854775807", b"-9223372036854775808"))
        step_over = self.r.pick([
            [b"INCR", key], [b"DECR", key], [b"INCRBY", key, b"2"], [b"DECRBY", key, b"2"], [b"INCRBY", key, number],
            [b"DECRBY", key, number], [b"INCRBYFLOAT", key, b"1"], [b"INCRBYFLOAT", key, b"0.5"],
        ])  # fmt: skip
        return [step("SET", key, number), step(*step_over), step("GET", key)]

    def lcs(self) -> Step | list[Step]:
        options: list[bytes] = []
        for option, share in ((b"LEN", 0.25), (b"IDX", 0.45), (b"WITHMATCHLEN", 0.35)):
            if self.r.chance(share):
                options.append(self.r.case(option))
        if self.r.chance(0.35):
            options += [self.r.case(b"MINMATCHLEN"), self.r.pick((b"0", b"1", b"2", b"4", b"-1", b"abc", b"100"))]
        if self.r.chance(0.05):
            options.append(self.r.pick((b"BOGUS", b"MINMATCHLEN")))
        first, second = self.r.key(), self.r.key()
        lcs = step(self.name("LCS"), first, second, *options)
        if self.r.chance(0.5):
            return lcs
        # Two texts that have something in common.
        text = self.r.word(self.r.random.randint(5, 50))
        cut = self.r.random.randint(0, len(text))
        return [step("MSET", first, text + self.r.word(9), second, self.r.word(5) + text[cut:] + text[:cut]), lcs]
