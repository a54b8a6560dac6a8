"""Commands over all types: keys that are now a list, now a hash, are looked at, moved, copied, overwritten and expire."""

from __future__ import annotations

from comparison import ENCODING, SCAN, SECONDS, SORTED
from comparison_collections import CONTENTS
from generators.base import AFTER_SHORT_SECONDS, SHORT_MILLISECONDS, Step, Table, step
from generators.typed import TypedFamily

TYPE_NAMES = (b"string", b"list", b"hash", b"set", b"zset", b"stream", b"LIST", b"bogus", b"")
# How many elements a new value gets: some stay compact, some do not.
SIZES = (1, 1, 2, 3, 5, 9, 40, 140, 600)
# Calls of every type, the key left out: on a key of another type they are refused.
TOUCHES = [
    "LLEN", "LPUSH x", "RPOP", "LPOP", "LSET 0 x", "LREM 0 x", "LRANGE 0 3", "HLEN", "HSET a 1", "HDEL a", "HINCRBY n 1", "HGET a",
    "SCARD", "SADD x", "SREM x", "SISMEMBER x", "SPOP 0", "ZCARD", "ZADD 1 a", "ZPOPMIN", "ZINCRBY 1 a", "ZRANGE 0 3", "XLEN",
    "XADD 9999999-1 a 1", "XDEL 1-1", "XRANGE - + COUNT 2", "STRLEN", "APPEND x", "INCR", "GETDEL", "SETRANGE 3 x", "GETSET x", "SETNX x",
    "SETBIT 3 1", "BITCOUNT", "BITFIELD SET u8 0 1", "PFADD a", "PFCOUNT", "GEOADD 1 1 a", "GEOPOS a",
]  # fmt: skip

# Without SORT, which has a family of its own: in Redis it makes the sorted set that it reads a large one.
STORES = ("SUNIONSTORE", "ZUNIONSTORE", "GEOSEARCHSTORE", "BITOP", "PFMERGE", "ZRANGESTORE")


class Types(TypedFamily):
    kind, prefix = "none", b"any"
    key_count = 9
    commands = ("TYPE",)
    # A spoiled EXPIRE could end within the run.
    spoils = False

    def __init__(self, randoms) -> None:
        self.makers = [self.string]
        for command, maker in (("RPUSH", self.list), ("HSET", self.hash), ("SADD", self.set), ("ZADD", self.zset), ("XADD", self.stream)):
            if command in randoms.available:
                self.makers.append(maker)
        self.touches = [words for words in map(str.split, TOUCHES) if words[0] in randoms.available]
        self.stores = [name for name in STORES if name in randoms.available]
        super().__init__(randoms)

    def table(self) -> Table:
        return [
            (14, self.make),
            (24, self.touch),
            (6, lambda: self.call("TYPE", self.key())),
            (5, lambda: self.call("OBJECT", b"ENCODING", self.key(), comparison=ENCODING)),
            (5, self.copy),
            (5, lambda: self.call(self.one_of("RENAME", "RENAMENX"), self.key(), self.own_key())),
            (3, lambda: self.call("MOVE", self.own_key(), self.r.pick((0, 1, 2)))),
            (4, lambda: self.call(self.one_of("DEL", "UNLINK"), *self.some(3))),
            (3, lambda: self.call(self.one_of("EXISTS", "TOUCH"), *self.some(5))),
            (4, lambda: self.call("EXPIRE", self.own_key(), self.r.rising_seconds())),
            (2, lambda: self.call("PERSIST", self.own_key())),
            (5, lambda: self.call("TTL", self.own_key(), comparison=SECONDS)),
            (2, self.expire_soon),
            (4, self.overwrite),
            (4, self.store),
            (1, self.scan),
            (1, lambda: self.call("KEYS", self.r.pick((b"*", b"any:*", b"any:[0-3]")), comparison=SORTED)),
            (1.5, lambda: step("CONTENTS", self.own_key(), comparison=CONTENTS)),
            (1, lambda: self.call("DBSIZE")),
            (1, self.other_database),
            (0.5, self.foreign_keys),
            (0.05, lambda: step("FLUSHDB", *self.r.pick(([], ["ASYNC"], ["SYNC"])))),
        ]

    # New values

    def make(self) -> list[Step]:
        key = self.own_key()
        return [*([step("DEL", key)] if self.r.chance(0.4) else []), *self.r.pick(self.makers)(key)]

    def elements(self) -> list[bytes]:
        size = self.r.pick(SIZES)
        form = self.r.pick((b"%d", b"e:%d", b"a longer element %06d"))
        return [form % index for index in range(size)] if self.r.chance(0.8) else [self.member() for _ in range(size)]

    def string(self, key: bytes) -> list[Step]:
        return [step("SET", key, self.r.value(), *(["KEEPTTL"] if self.r.chance(0.3) else []))]

    def list(self, key: bytes) -> list[Step]:
        return [step(self.r.pick(("RPUSH", "LPUSH")), key, *self.elements())]

    def hash(self, key: bytes) -> list[Step]:
        return [step("HSET", key, *[word for field in self.elements() for word in (field, self.member())])]

    def set(self, key: bytes) -> list[Step]:
        return [step("SADD", key, *self.elements())]

    def zset(self, key: bytes) -> list[Step]:
        return [step("ZADD", key, *[word for index, member in enumerate(self.elements()) for word in (index % 7, member)])]

    def stream(self, key: bytes) -> list[Step]:
        first = self.r.random.randint(1, 1_000)
        return [step("XADD", key, b"%d-1" % (first + index), "a", self.member()) for index in range(self.r.pick(SIZES[:-2]))]

    # What happens to them

    def touch(self) -> Step:
        name, *arguments = self.r.pick(self.touches)
        return self.call(name, self.key(), *arguments)

    def copy(self) -> Step:
        database = [b"DB", self.r.pick((0, 1, 2))] if self.r.chance(0.3) else []
        replace = [b"REPLACE"] if self.r.chance(0.6) else []
        return self.call("COPY", self.key(), self.own_key(), *database, *replace)

    def expire_soon(self) -> list[Step]:
        key = self.own_key()
        name, *arguments = self.r.pick(self.touches)
        return [
            step("PEXPIRE", key, SHORT_MILLISECONDS, wait_seconds=AFTER_SHORT_SECONDS),
            step(name, key, *arguments, comparison=SORTED),
            step("TYPE", key),
        ]

    def overwrite(self) -> list[Step]:
        """Whatever was there goes, its time to live as well."""
        key, other = self.own_key(), self.own_key()
        words = self.r.pick([
            ("SET", key, "new"), ("GETSET", key, "new"), ("MSET", key, "new", other, "new"), ("SETEX", key, 5_000, "new"),
            ("SET", key, "new", "GET"),
        ])  # fmt: skip
        return [step(*words), step("TYPE", key), step("TTL", key, comparison=SECONDS)]

    def store(self) -> list[Step]:
        """Results stored over whatever was there."""
        target, source = self.own_key(), self.key()
        match self.r.pick(self.stores) if self.stores else "SET":
            case "SUNIONSTORE" as name:
                words = [self.r.pick((name, "SINTERSTORE", "SDIFFSTORE")), target, source, self.key()]
            case "ZUNIONSTORE" as name:
                words = [self.r.pick((name, "ZINTERSTORE", "ZDIFFSTORE")), target, 2, source, self.key()]
            case "GEOSEARCHSTORE" as name:
                words = [name, target, source, "FROMLONLAT", 1, 1, "BYRADIUS", 100, "km"]
            case "BITOP":
                words = ["BITOP", "OR", target, source, self.key()]
            case "ZRANGESTORE":
                words = ["ZRANGESTORE", target, source, 0, -1]
            case "PFMERGE":
                words = ["PFMERGE", target, source]
            case _:
                words = ["SET", target, "x"]
        return [step(*words), step("TYPE", target), step("TTL", target, comparison=SECONDS)]

    def scan(self) -> Step:
        options = [b"TYPE", self.r.pick(TYPE_NAMES)] + ([b"COUNT", self.r.pick((b"1", b"5", b"1000"))] if self.r.chance(0.5) else [])
        return step("SCAN", b"0", *options, comparison=SCAN)

    def other_database(self) -> list[Step]:
        """Looks at what was moved and copied there, and sends some of it back."""
        key, database = self.own_key(), self.r.pick((1, 2))
        return [
            step("SELECT", database),
            step("TYPE", key),
            step("CONTENTS", key, comparison=CONTENTS),
            step("MOVE", key, 0),
            step("COPY", self.own_key(), self.own_key(), "DB", 0),
            step("DBSIZE"),
            step("SELECT", 0),
        ]
