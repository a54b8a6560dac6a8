"""Generic commands: keys come, go, move and are looked at, whatever they hold."""

from __future__ import annotations

from comparison import ENCODING, IDLE_TIME, KIND, RANDOM_KEY, SCAN, SORTED
from generators.base import DATABASE_COUNT, Family, Step, Table, step

BAD_DATABASES = (b"-1", b"16", b"99999999999999999999", b"abc", b"", b"1.5")


class Generic(Family):
    def table(self) -> Table:
        return [
            (10, self.delete),
            (10, self.exists),
            (6, lambda: step(self.name("TYPE"), self.r.key())),
            (4, lambda: step(self.name("KEYS"), self.r.pattern(), comparison=SORTED)),
            (4, self.scan),
            (2, self.scan_with_bad_options),
            (3, lambda: step(self.name("RANDOMKEY"), comparison=RANDOM_KEY)),
            (10, lambda: step(self.name(self.r.pick(("RENAME", "RENAMENX"))), self.r.key(), self.r.key())),
            (9, self.copy),
            (5, self.move),
            (10, self.object),
            (3, lambda: step(self.name("DBSIZE"))),
            (3, self.select),
            (1, self.swap_databases),
            (1, self.flush),
        ]

    def delete(self) -> Step:
        return step(self.name(self.r.pick(("DEL", "UNLINK"))), *self.r.some_keys(4))

    def exists(self) -> Step:
        return step(self.name(self.r.pick(("EXISTS", "TOUCH"))), *self.r.some_keys(8))

    def scan(self) -> Step:
        """A whole iteration: the set of keys it returns is compared (see comparison.SCAN)."""
        options: list[bytes] = []
        if self.r.chance(0.5):
            options += [self.r.case(b"MATCH"), self.r.pattern()]
        if self.r.chance(0.5):
            options += [self.r.case(b"COUNT"), self.r.pick((b"1", b"2", b"10", b"1000"))]
        if self.r.chance(0.3):
            options += [self.r.case(b"TYPE"), self.r.pick((b"string", b"STRING", b"list", b"zset"))]
        return step("SCAN", b"0", *options, comparison=SCAN)

    def scan_with_bad_options(self) -> list[Step]:
        """(A list, so that it is not spoiled into a valid SCAN, whose order is the server's own.)"""
        bad = self.r.pick([
            [b"abc"], [b"-1x"], [b"0", b"COUNT"], [b"0", b"COUNT", b"0"], [b"0", b"COUNT", b"-1"], [b"0", b"COUNT", b"abc"],
            [b"0", b"MATCH"], [b"0", b"BOGUS", b"1"], [b"0", b"TYPE"], [b"99999999999999999999999"], [b"1.5"], [b" 0"],
        ])  # fmt: skip
        return [step(self.name("SCAN"), *bad)]

    def copy(self) -> Step:
        options: list[bytes] = []
        if self.r.chance(0.4):
            options += [self.r.case(b"DB"), self.database()]
        if self.r.chance(0.5):
            options.append(self.r.case(b"REPLACE"))
        if self.r.chance(0.05):
            options.append(self.r.pick((b"DB", b"BOGUS", b"REPLACE")))
        return step(self.name("COPY"), self.r.key(), self.r.key(), *options)

    def move(self) -> Step:
        return step(self.name("MOVE"), self.r.key(), self.database())

    def database(self) -> bytes:
        if self.r.chance(0.1):
            return self.r.pick(BAD_DATABASES)
        return b"%d" % self.r.database()

    def object(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.5:
            return step(self.name("OBJECT"), self.name("ENCODING"), self.r.key(), comparison=ENCODING)
        if kind < 0.7:
            return step(self.name("OBJECT"), self.name("IDLETIME"), self.r.key(), comparison=IDLE_TIME)
        if kind < 0.8:
            # Redis shares small integers and answers 2147483647 for them.
            return step(self.name("OBJECT"), self.name("REFCOUNT"), self.r.key(), comparison=KIND)
        if kind < 0.9:
            return step(self.name("OBJECT"), self.name("FREQ"), self.r.key())
        return step(self.name("OBJECT"), *self.r.pick([[b"BOGUS"], [b"ENCODING"], [b"FREQ", b"a", b"b"], [b"BOGUS", b"a"], [b""]]))

    def select(self) -> list[Step] | Step:
        if self.r.chance(0.2):
            return step(self.name("SELECT"), self.r.pick(BAD_DATABASES))
        if self.r.chance(0.1):
            return [step("SELECT", DATABASE_COUNT - 1), step("DBSIZE"), step("SELECT", 0)]
        return step(self.name("SELECT"), 0 if self.r.chance(0.7) else self.r.database())

    def swap_databases(self) -> Step:
        return step(self.name("SWAPDB"), self.database(), self.database())

    def flush(self) -> Step:
        options = self.r.pick([[], [b"ASYNC"], [b"SYNC"], [b"sync"], [b"BOGUS"], [b"ASYNC", b"SYNC"]])
        # Rarely: an empty server has little to say.
        command = "FLUSHALL" if self.r.chance(0.1) else "FLUSHDB"
        return step(self.name(command), *options) if self.r.chance(0.3) else step("DBSIZE")
