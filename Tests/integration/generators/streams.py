"""Streams and their consumer groups. IDs are given, so that both servers agree on them; the clock is left out where it can be."""

from __future__ import annotations

from comparison import EXACT
from comparison_collections import ADD_AND_TRIM_ABOUT, ADD_NOW, PENDING, STREAM_INFO, TRIM_ABOUT
from generators.base import Step, Table, step
from generators.typed import NOT_COUNTS, TypedFamily

GROUPS = (b"g1", b"g2", b"g:\x00bin")
CONSUMERS = (b"alice", b"bob", b"carol", b"")
BAD_IDS = (
    b"", b"abc", b"1-", b"-1", b"1-abc", b"1-2-3", b"18446744073709551616-0", b"1.5-0", b"-", b"+", b"$", b">", b"*", b"1-*x", b"(1-1",
    b"99999999999999999999999", b" 1-1", b"1 -1", b"0x1-1",
)  # fmt: skip
LAST_ID = b"18446744073709551615-18446744073709551615"
# An idle time that nothing here reaches, and one that is given by XCLAIM IDLE and passes every test.
NEVER_MILLISECONDS, LONG_MILLISECONDS = 10_000_000_000, 100_000_000


class Streams(TypedFamily):
    kind, prefix = "stream", b"stream"
    key_count = 6
    commands = tuple("XADD XLEN XRANGE XREVRANGE XREAD XDEL XTRIM XSETID XGROUP XREADGROUP XACK XCLAIM XAUTOCLAIM XPENDING XINFO".split())

    def __init__(self, randoms) -> None:
        self.time = 1
        super().__init__(randoms)

    def table(self) -> Table:
        return [
            (22, self.add),
            (3, self.add_and_trim),
            (1, self.add_now),
            (0.5, self.add_many),
            (0.3, self.add_at_the_end),
            (2, lambda: self.call("XLEN", self.key())),
            (8, self.range),
            (5, self.read),
            (6, lambda: self.call("XDEL", self.key(), *self.ids())),
            (1.5, self.trim),
            (1, self.trim_about),
            (1.5, self.set_id),
            (8, self.create_group),
            (4, self.change_group),
            (12, self.read_group),
            (6, lambda: self.call("XACK", self.key(), self.group(), *self.ids())),
            (6, self.claim),
            (4, self.claim_automatically),
            (6, self.pending),
            (5, self.info),
            (1, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    # IDs and names

    def next_id(self) -> bytes:
        self.time += self.r.random.randint(0, 2)
        return b"%d-%d" % (self.time, self.r.random.randint(0, 3))

    def id(self) -> bytes:
        """One that may well be there."""
        kind = self.r.random.random()
        time = max(0, self.time - int(self.r.random.expovariate(0.02)))
        if kind < 0.75:
            return b"%d-%d" % (time, self.r.random.randint(0, 3))
        if kind < 0.92:
            return b"%d" % time
        return self.r.pick((b"0", b"0-0", b"0-1", LAST_ID, b"18446744073709551615", b"1-18446744073709551615", b"00005-01"))

    def any_id(self) -> bytes:
        return self.id() if self.r.chance(0.96) else self.r.pick(BAD_IDS)

    def ids(self, most: int = 5) -> list[bytes]:
        return [self.any_id() for _ in range(self.r.random.randint(1, most))]

    def bound(self, end: bool) -> bytes:
        kind = self.r.random.random()
        if kind < 0.4:
            return b"+" if end else b"-"
        identifier = self.any_id()
        return b"(" + identifier if kind < 0.55 else identifier

    def group(self) -> bytes:
        kind = self.r.random.random()
        return GROUPS[0] if kind < 0.7 else GROUPS[1] if kind < 0.95 else self.r.pick((GROUPS[2], b"nogroup", b""))

    def consumer(self) -> bytes:
        return self.r.pick(CONSUMERS)

    def pairs(self) -> list[bytes]:
        """Often the same names, as streams hold them once; sometimes other ones, and many."""
        if self.r.chance(0.5):
            names: list[bytes] = [b"name", b"value"]
        else:
            names = [self.member() for _ in range(self.r.random.randint(1, 4 if self.r.chance(0.95) else 150))]
        return [word for name in names for word in (name, self.member())]

    def options(self, *pairs: tuple[list[bytes], float]) -> list[bytes]:
        chosen = [words for words, share in pairs if self.r.chance(share)]
        return [word for words in chosen for word in words]

    # Adding and removing

    def add(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.75:
            identifier = self.next_id()
        elif kind < 0.85:
            self.time += self.r.random.randint(0, 1)
            identifier = b"%d-*" % self.time
        elif kind < 0.97:
            identifier = self.any_id()
            identifier = b"0-0" if identifier == b"*" or identifier.startswith(b"1844") else identifier
        else:
            identifier = self.r.pick((b"0-0", b"0", b"1-1", b"0-*", b"1-*"))
        options = [self.r.case(b"NOMKSTREAM")] if self.r.chance(0.1) else []
        return self.call("XADD", self.key(), *options, identifier, *self.pairs())

    def add_and_trim(self) -> Step:
        key = self.key()
        if self.r.chance(0.3):
            words = [b"MAXLEN", b"~", b"%d" % self.r.random.randint(0, 30)]
            return step("XADD", key, *words, self.next_id(), b"name", b"value", comparison=ADD_AND_TRIM_ABOUT)
        exact = [b"="] if self.r.chance(0.3) else []
        trim = [self.r.case(b"MAXLEN"), *exact, self.count(20)] if self.r.chance(0.6) else [self.r.case(b"MINID"), *exact, self.any_id()]
        bad = self.r.pick([[b"LIMIT", b"5"], [b"MAXLEN", b"3"], [b"MINID", b"1"], [b"BOGUS"]]) if self.r.chance(0.04) else []
        return self.call("XADD", key, *trim, *bad, self.next_id(), *self.pairs())

    def add_now(self) -> Step:
        """The clock's IDs leave the given ones behind: only on a key that then goes."""
        return step("XADD", b"stream:now", b"*", *self.pairs(), comparison=ADD_NOW)

    def add_many(self) -> list[Step]:
        key, count = self.own_key(), self.r.pick((12, 60, 250))
        steps = []
        for _ in range(count):
            self.time += 1
            steps.append(step("XADD", key, b"%d-1" % self.time, *(self.pairs() if self.r.chance(0.1) else [b"name", b"m:1", b"other", b"12"])))
        return steps

    def add_at_the_end(self) -> list[Step]:
        """The last IDs there are, and what comes after them."""
        key = b"stream:end"
        steps = [step("DEL", key)] if self.r.chance(0.4) else []
        for identifier in (b"18446744073709551615-18446744073709551614", b"18446744073709551615-*", b"18446744073709551615-*", LAST_ID, b"*"):
            if self.r.chance(0.7):
                steps.append(step("XADD", key, identifier, b"a", b"1", comparison=ADD_NOW if identifier == b"*" else EXACT))
        return [*steps, step("XRANGE", key, b"-", b"+"), step("XRANGE", key, b"(" + LAST_ID, b"+"), step("XREVRANGE", key, LAST_ID, b"(0-0")]

    def trim(self) -> Step:
        exact = [b"="] if self.r.chance(0.3) else []
        if self.r.chance(0.6):
            return self.call("XTRIM", self.key(), self.r.case(b"MAXLEN"), *exact, self.count(40))
        return self.call("XTRIM", self.key(), self.r.case(b"MINID"), *exact, self.any_id())

    def trim_about(self) -> Step:
        if self.r.chance(0.6):
            words = [self.r.case(b"MAXLEN"), b"~", b"%d" % self.r.random.randint(0, 60)]
        else:
            words = [self.r.case(b"MINID"), b"~", b"%d" % max(1, self.time - self.r.random.randint(0, 100))]
        if self.r.chance(0.4):
            words += [self.r.case(b"LIMIT"), b"%d" % self.r.random.randint(0, 50)]
        return step("XTRIM", self.key(), *words, comparison=TRIM_ABOUT)

    def set_id(self) -> Step:
        identifier = self.next_id() if self.r.chance(0.6) else self.any_id()
        identifier = b"1-1" if identifier.startswith(b"18446") else identifier
        options = []
        if self.r.chance(0.4):
            options += [self.r.case(b"ENTRIESADDED"), self.count(300), self.r.case(b"MAXDELETEDID"), self.any_id()]
        return self.call("XSETID", self.key(), identifier, *options)

    # Reading

    def range(self) -> Step:
        count = [self.r.case(b"COUNT"), self.count(10)] if self.r.chance(0.5) else []
        if self.r.chance(0.6):
            return self.call("XRANGE", self.key(), self.bound(False), self.bound(True), *count)
        return self.call("XREVRANGE", self.key(), self.bound(True), self.bound(False), *count)

    def read_id(self) -> bytes:
        """(Since Redis 7.4, + is the last entry for XREAD, and refused in its own words by XREADGROUP.)"""
        identifier = self.any_id()
        return b"$" if identifier == b"+" else identifier

    def read(self) -> Step:
        keys = self.some(3)
        count = [self.r.case(b"COUNT"), self.count(5)] if self.r.chance(0.6) else []
        identifiers = [self.read_id() if self.r.chance(0.9) else b"$" for _ in keys]
        if self.r.chance(0.03):
            identifiers.append(b"0")
        return self.call("XREAD", *count, self.r.case(b"STREAMS"), *keys, *identifiers)

    # Groups

    def create_group(self) -> Step:
        identifier = b"0" if self.r.chance(0.5) else b"$" if self.r.chance(0.5) else self.any_id()
        options = [self.r.case(b"MKSTREAM")] if self.r.chance(0.7) else []
        if self.r.chance(0.2):
            options += [self.r.case(b"ENTRIESREAD"), self.r.pick((b"0", b"5", b"-1", b"-2", b"abc", b"1000"))]
        return self.call("XGROUP", self.name("CREATE"), self.key(), self.group(), identifier, *options)

    def change_group(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.35:
            entries_read = [self.r.case(b"ENTRIESREAD"), self.r.pick((b"0", b"3", b"-1", b"-2", b"x"))] if self.r.chance(0.3) else []
            return self.call("XGROUP", self.name("SETID"), self.key(), self.group(), self.any_id(), *entries_read)
        if kind < 0.4:
            return self.call("XGROUP", self.name("DESTROY"), self.key(), self.group())
        if kind < 0.7:
            return self.call("XGROUP", self.name("CREATECONSUMER"), self.key(), self.group(), self.consumer())
        return self.call("XGROUP", self.name("DELCONSUMER"), self.key(), self.group(), self.consumer())

    def read_group(self) -> Step:
        keys = self.some(1 if self.r.chance(0.7) else 2)
        options = self.options(([self.r.case(b"COUNT"), self.count(5)], 0.6), ([self.r.case(b"NOACK")], 0.15))
        identifiers = [b">" if self.r.chance(0.7) else self.read_id() for _ in keys]
        reader = [self.r.case(b"GROUP"), self.group(), self.consumer()]
        return self.call("XREADGROUP", *reader, *options, self.r.case(b"STREAMS"), *keys, *identifiers)

    def claim(self) -> Step:
        least = self.r.pick((b"0", b"0", b"0", b"%d" % NEVER_MILLISECONDS, b"%d" % (LONG_MILLISECONDS // 2), b"-1", b"abc"))
        options = self.options(
            ([self.r.case(b"IDLE"), b"%d" % LONG_MILLISECONDS], 0.2), ([self.r.case(b"RETRYCOUNT"), self.count(9)], 0.2),
            ([self.r.case(b"FORCE")], 0.3), ([self.r.case(b"JUSTID")], 0.3), ([self.r.case(b"LASTID"), self.any_id()], 0.1),
            ([b"TIME", b"%d" % (self.r.started * 1_000 - LONG_MILLISECONDS)], 0.05), ([b"BOGUS"], 0.02), ([b"IDLE"], 0.02),
        )  # fmt: skip
        return self.call("XCLAIM", self.key(), self.group(), self.consumer(), least, *self.ids(), *options)

    def claim_automatically(self) -> Step:
        least = self.r.pick((b"0", b"0", b"0", b"%d" % NEVER_MILLISECONDS, b"%d" % (LONG_MILLISECONDS // 2), b"-1", b"abc"))
        options = self.options(([self.r.case(b"COUNT"), self.count(6)], 0.5), ([self.r.case(b"JUSTID")], 0.3), ([b"BOGUS"], 0.02))
        start = b"0" if self.r.chance(0.5) else self.any_id()
        return self.call("XAUTOCLAIM", self.key(), self.group(), self.consumer(), least, start, *options)

    def pending(self) -> Step:
        if self.r.chance(0.35):
            return self.call("XPENDING", self.key(), self.group())
        idle = [self.r.case(b"IDLE"), self.r.pick((b"0", b"%d" % NEVER_MILLISECONDS, b"%d" % (LONG_MILLISECONDS // 2), b"abc"))]
        consumer = [self.consumer()] if self.r.chance(0.4) else []
        words = [*(idle if self.r.chance(0.3) else []), self.bound(False), self.bound(True), self.count(9), *consumer]
        return step(self.name("XPENDING"), self.key(), self.group(), *words, comparison=PENDING)

    def info(self) -> Step:
        kind = self.r.random.random()
        if kind < 0.3:
            return step(self.name("XINFO"), self.name("GROUPS"), self.key(), comparison=STREAM_INFO)
        if kind < 0.55:
            return step(self.name("XINFO"), self.name("CONSUMERS"), self.key(), self.group(), comparison=STREAM_INFO)
        options = []
        if self.r.chance(0.6):
            options.append(self.r.case(b"FULL"))
            if self.r.chance(0.6):
                options += [self.r.case(b"COUNT"), self.r.pick((b"0", b"1", b"3", b"-1", b"abc"))]
        return step(self.name("XINFO"), self.name("STREAM"), self.key(), *options, comparison=STREAM_INFO)

    def bad_calls(self) -> list[Step]:
        key, other = self.own_key(), self.own_key()
        words = self.r.pick([
            [b"XADD", key], [b"XADD", key, b"1-1", b"a"], [b"XADD", key, b"1-1", b"a", b"1", b"b"],
            [b"XADD", key, b"MAXLEN", b"1-1", b"a", b"1"], [b"XADD", key, b"MAXLEN", b"abc", b"1-1", b"a", b"1"],
            [b"XADD", key, b"MAXLEN", b"-1", b"1-1", b"a", b"1"],
            [b"XADD", key, b"MAXLEN", b"=", b"5", b"LIMIT", b"5", b"1-1", b"a", b"1"], [b"XADD", key, b"NOMKSTREAM"],
            [b"XADD", key, b"MAXLEN", b"~", b"5", b"LIMIT", b"-1", b"1-1", b"a", b"1"],
            [b"XADD", b"none", b"NOMKSTREAM", b"1-1", b"a", b"1"], [b"XADD", key, b"MAXLEN", b"5", b"MINID", b"5", b"1-1", b"a", b"1"],
            [b"XTRIM", key], [b"XTRIM", key, b"MAXLEN"], [b"XTRIM", key, b"BOGUS", b"1"],
            [b"XTRIM", key, b"MAXLEN", b"1", b"LIMIT", b"1"], [b"XTRIM", key, b"MAXLEN", b"=", b"1", b"LIMIT", b"1"],
            [b"XTRIM", key, b"MINID", b"abc"], [b"XTRIM", key, b"MAXLEN", b"1", b"MAXLEN", b"2"], [b"XRANGE", key, b"-"],
            [b"XRANGE", key, b"-", b"+", b"COUNT"], [b"XRANGE", key, b"-", b"+", b"BOGUS", b"1"],
            [b"XRANGE", key, b"-", b"+", b"COUNT", b"-5"], [b"XREAD", b"STREAMS", key], [b"XREAD", b"STREAMS"],
            [b"XREAD", b"COUNT", b"1", key, b"0"], [b"XREAD", b"STREAMS", key, other, b"0"],
            [b"XREAD", b"COUNT", b"abc", b"STREAMS", key, b"0"], [b"XREAD", b"STREAMS", key, b">"],
            [b"XREAD", b"NOACK", b"STREAMS", key, b"0"], [b"XREAD", b"GROUP", b"g1", b"c", b"STREAMS", key, b"0"],
            [b"XREAD", b"BLOCK", b"abc", b"STREAMS", key, b"0"], [b"XREADGROUP", b"STREAMS", key, b">"],
            [b"XREADGROUP", b"GROUP", b"g1", b"c", b"STREAMS", key, b"$"], [b"XREADGROUP", b"GROUP", b"g1", b"STREAMS", key, b">"],
            [b"XREADGROUP", b"GROUP", b"g1", b"c", b"COUNT", b"1", b"STREAMS", key], [b"XGROUP"], [b"XGROUP", b"BOGUS"],
            [b"XGROUP", b"CREATE", key], [b"XGROUP", b"CREATE", b"none", b"g", b"0"], [b"XGROUP", b"CREATE", key, b"g1", b"0", b"BOGUS"],
            [b"XGROUP", b"SETID", b"none", b"g", b"0"], [b"XGROUP", b"DESTROY", key, b"none"],
            [b"XGROUP", b"DELCONSUMER", key, b"none", b"c"], [b"XGROUP", b"CREATECONSUMER", b"none", b"g", b"c"],
            [b"XGROUP", b"SETID", key, b"g1"], [b"XACK", key, b"g1"], [b"XACK", key, b"g1", b"abc"], [b"XCLAIM", key, b"g1", b"c", b"0"],
            [b"XCLAIM", b"none", b"g", b"c", b"0", b"1-1"], [b"XCLAIM", key, b"g1", b"c", b"0", b"1-1", b"RETRYCOUNT"],
            [b"XCLAIM", key, b"g1", b"c", b"0", b"abc"], [b"XAUTOCLAIM", key, b"g1", b"c", b"0"],
            [b"XAUTOCLAIM", key, b"g1", b"c", b"0", b"0", b"COUNT", self.r.pick(NOT_COUNTS)],
            [b"XAUTOCLAIM", key, b"none", b"c", b"0", b"0"], [b"XPENDING", key], [b"XPENDING", key, b"none"],
            [b"XPENDING", key, b"g1", b"-"], [b"XPENDING", key, b"g1", b"-", b"+"], [b"XPENDING", key, b"g1", b"-", b"+", b"abc"],
            [b"XPENDING", key, b"g1", b"IDLE", b"1", b"-", b"+"], [b"XPENDING", key, b"g1", b"x", b"+", b"5"], [b"XINFO"],
            [b"XINFO", b"STREAM"], [b"XINFO", b"STREAM", b"none"], [b"XINFO", b"BOGUS", key],
            [b"XINFO", b"STREAM", key, b"FULL", b"COUNT"], [b"XINFO", b"STREAM", key, b"BOGUS"], [b"XINFO", b"GROUPS", b"none"],
            [b"XINFO", b"CONSUMERS", key], [b"XINFO", b"CONSUMERS", b"none", b"g"], [b"XINFO", b"CONSUMERS", key, b"none"], [b"XLEN"],
            [b"XSETID", key], [b"XSETID", b"none", b"1-1"], [b"XSETID", key, b"0-1"],
            [b"XSETID", key, b"9999999-1", b"ENTRIESADDED", b"-1", b"MAXDELETEDID", b"0"],
            [b"XSETID", key, b"5-1", b"ENTRIESADDED", b"5"], [b"XSETID", key, b"5-1", b"BOGUS"], [b"XDEL", key], [b"XDEL", key, b"abc"],
        ])  # fmt: skip
        # (XINFO STREAM key FULL COUNT is a valid call of Redis 7.0.)
        return [step(*words, comparison=STREAM_INFO if words[0] == b"XINFO" else EXACT)]
