"""What all types have in common: every value, small and large, is named, looked at, copied, renamed, moved, made to expire and
removed like every other, within a shard and across shards, and its bytes are counted exactly."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass

from resp import Connection, Reply
from server import ServerTestCase, seed
from test_dump import content

FAR_FUTURE_MS = 4_000_000_000_000
# The share of a bucket that MEMORY USAGE adds to a key's blocks.
SLOT_BYTES = 10


@dataclass(frozen=True)
class Sample:
    """A value: the commands that make it at a key, and what OBJECT ENCODING calls it."""

    name: str
    type: str
    encoding: str
    commands: tuple[tuple, ...]

    def make(self, c: Connection, key: object) -> None:
        for reply in c.pipeline([(name, key, *arguments) for name, *arguments in self.commands]):
            assert not reply.is_error, reply


def numbered(form: bytes, count: int) -> list[bytes]:
    return [form % number for number in range(count)]


def paired(form: bytes, count: int) -> list[bytes]:
    return [item for number in range(count) for item in (form % number, b"%d" % (number % 7))]


def scored(form: bytes, count: int) -> list[bytes]:
    return [item for number in range(count) for item in (b"%d.5" % (number % 100), form % number)]


def stream(count: int) -> tuple[tuple, ...]:
    entries = tuple(("XADD", b"%d-0" % number, "field", b"value %d" % number) for number in range(1, count + 1))
    return (*entries, ("XDEL", "2-0", "3-0"))


LONG = b"a rather long element, longer than packed forms may have, number %06d of many"
SAMPLES = [
    Sample("integer", "string", "int", (("SET", "12345"),)),
    Sample("short string", "string", "embstr", (("SET", "value"),)),
    Sample("long string", "string", "raw", (("SET", "x" * 100_000),)),
    Sample("small list", "list", "listpack", (("RPUSH", "a", "1", ""),)),
    Sample("large list", "list", "quicklist", (("RPUSH", *numbered(b"element %d", 5_000)), ("LPUSH", b"y" * 20_000))),
    Sample("set of integers", "set", "intset", (("SADD", *numbered(b"%d", 100)),)),
    Sample("small set", "set", "listpack", (("SADD", "a", "1", ""),)),
    Sample("large set", "set", "hashtable", (("SADD", *numbered(LONG, 3_000)), ("SADD", b"y" * 20_000))),
    Sample("small hash", "hash", "listpack", (("HSET", "a", "1", "", ""),)),
    Sample("large hash", "hash", "hashtable", (("HSET", *paired(LONG, 3_000)), ("HSET", b"y" * 20_000, b"z" * 20_000))),
    Sample("small sorted set", "zset", "listpack", (("ZADD", "1", "a", "-inf", "b", "2.5", ""),)),
    Sample("large sorted set", "zset", "skiplist", (("ZADD", *scored(LONG, 3_000)), ("ZADD", "7", b"y" * 20_000))),
    Sample("small stream", "stream", "stream", stream(5)),
    Sample("large stream", "stream", "stream", (*stream(2_000), ("XADD", "9999-0", b"f" * 20_000, b"z" * 20_000))),
]  # fmt: skip
# What came with Redis 7.4.
TIMED_SAMPLES = [
    Sample(
        "small hash with times", "hash", "listpackex",
        (("HSET", "a", "1", "b", "2"), ("HPEXPIREAT", FAR_FUTURE_MS, "FIELDS", 1, "a")),
    ),
    Sample(
        "large hash with times", "hash", "hashtable",
        (("HSET", *paired(b"field %d", 3_000)), ("HPEXPIREAT", FAR_FUTURE_MS, "FIELDS", 2, "field 1", "field 7")),
    ),
]  # fmt: skip
GROUP_COMMANDS = ["XGROUP CREATE {key} g 0", "XREADGROUP GROUP g alice COUNT 3 STREAMS {key} >", "XREADGROUP GROUP g bob COUNT 2 STREAMS {key} >"]
# As many as are needed that some lie on the same shard and some do not.
TARGETS = [b"target:%d" % number for number in range(6)]


class AllTypes(ServerTestCase):
    SHARDS = 1
    OPTIONS = {"enable_debug_command": "yes"}

    def setUp(self) -> None:
        super().setUp()
        self.samples = SAMPLES + (TIMED_SAMPLES if self.server.version >= (7, 4) else [])

    def each(self, *keys: object):
        """Every sample in turn, made anew at key `k` on a server that is empty but for it."""
        for sample in self.samples:
            with self.subTest(sample.name):
                self.c.command("FLUSHALL")
                sample.make(self.c, "k")
                if sample.type == "stream":
                    for line in GROUP_COMMANDS:
                        self.c.command(*line.format(key="k").split())
                yield sample

    def encoding(self, key: object) -> str:
        return self.c.command("OBJECT", "ENCODING", key).text

    def seen(self, key: object, c: Connection | None = None) -> object:
        """Contents, encoding, and the times of fields."""
        c = c or self.c
        times: object = None
        if c.command("TYPE", key).value == b"hash" and self.server.version >= (7, 4):
            fields = [field.value for field in c.command("HKEYS", key).value]
            replies = c.command("HPEXPIRETIME", key, "FIELDS", len(fields), *fields).value
            times = sorted(zip(fields, (reply.value for reply in replies)))
        return content(c, key), c.command("OBJECT", "ENCODING", key).text, times

    # Looking

    def test_names(self) -> None:
        for sample in self.each():
            self.assertEqual(self.c.command("TYPE", "k"), Reply("simple", sample.type.encode()))
            encoding = self.encoding("k")
            if self.server.is_pantala or sample.encoding not in ("listpack",) or sample.type not in ("list", "set"):
                self.assertEqual(encoding, sample.encoding)
            self.assertEqual(self.c.command("OBJECT", "REFCOUNT", "k").kind, "integer")
            self.assertLess(self.c.command("OBJECT", "IDLETIME", "k").value, 5)
            self.assertRegex(self.c.command("OBJECT", "FREQ", "k").text, "^ERR An LFU maxmemory policy is not selected")
            self.assertEqual(self.c.command("EXISTS", "k", "k").value, 2)
            text = self.c.command("DEBUG", "OBJECT", "k").text
            self.assertRegex(text, rf"^Value at:0x[0-9a-f]+ refcount:\d+ encoding:{encoding} serializedlength:\d+ lru:\d+ lru_seconds_idle:\d+")

    def test_serialized_length_is_that_of_dump(self) -> None:
        for sample in self.each():
            length = int(re.search(r"serializedlength:(\d+)", self.c.command("DEBUG", "OBJECT", "k").text)[1])
            # Type, version and checksum come on top.
            self.assertEqual(length, len(self.c.command("DUMP", "k").value) - 11)

    def test_scan_by_type(self) -> None:
        expected: dict[str, set[bytes]] = {}
        for number, sample in enumerate(self.samples):
            for copy in range(3):
                key = b"k:%d:%d" % (number, copy)
                sample.make(self.c, key)
                expected.setdefault(sample.type, set()).add(key)
        for name in ("string", "list", "set", "hash", "zset", "stream", "ZSet", "none", "bogus", ""):
            for count in (1, 10, 1_000):
                self.assertEqual(self.scanned("TYPE", name, "COUNT", count), expected.get(name.lower(), set()), name)
        self.assertEqual(self.scanned("TYPE", "list", "MATCH", "*:1"), {key for key in expected["list"] if key.endswith(b":1")})

    def scanned(self, *options: object) -> set[bytes]:
        cursor, keys = b"0", set()
        while True:
            cursor, page = (item.value for item in self.c.command("SCAN", cursor, *options).value)
            keys |= {item.value for item in page}
            if cursor == b"0":
                return keys

    def test_other_types_are_refused(self) -> None:
        commands = {
            "string": "GET", "list": "LLEN", "set": "SCARD", "hash": "HLEN", "zset": "ZCARD", "stream": "XLEN",
        }  # fmt: skip
        for sample in self.each():
            for kind, command in commands.items():
                reply = self.c.command(command, "k")
                if kind == sample.type:
                    self.assertFalse(reply.is_error)
                else:
                    self.assert_error(reply, "WRONGTYPE Operation against a key holding the wrong kind of value")

    # Moving

    def test_copy(self) -> None:
        for sample in self.each():
            expected = self.seen("k")
            for target in TARGETS:
                self.assertEqual(self.c.command("COPY", "k", target).value, 1)
                self.assertEqual(self.c.command("COPY", "k", target).value, 0, "it is there already")
                self.assertEqual(self.seen(target), expected)
            self.c.command("SET", TARGETS[0], "in the way")
            self.c.command("PEXPIREAT", "k", FAR_FUTURE_MS)
            for target in TARGETS:
                self.assertEqual(self.c.command("COPY", "k", target, "REPLACE").value, 1)
                self.assertEqual(self.seen(target), expected)
                self.assertEqual(self.c.command("PEXPIRETIME", target).value, FAR_FUTURE_MS)
            self.assertEqual(self.seen("k"), expected, "the original is as it was")
            # A copy is a value of its own.
            self.c.command("DEL", "k")
            self.assertEqual(self.seen(TARGETS[0]), expected)

    def test_copy_to_another_database(self) -> None:
        other = self.connect()
        other.command("SELECT", 3)
        for sample in self.each():
            expected = self.seen("k")
            for target in [b"k", *TARGETS]:
                self.assertEqual(self.c.command("COPY", "k", target, "DB", 3).value, 1)
                self.assertEqual(self.c.command("COPY", "k", target, "DB", 3).value, 0)
                self.assertEqual(self.seen(target, other), expected)
            self.assertEqual(self.c.command("DBSIZE").value, 1)

    def test_rename(self) -> None:
        for sample in self.each():
            expected = self.seen("k")
            self.c.command("PEXPIREAT", "k", FAR_FUTURE_MS)
            self.samples[7].make(self.c, TARGETS[2])
            name: object = "k"
            for target in TARGETS:
                self.assert_ok(self.c.command("RENAME", name, target))
                self.assertEqual(self.c.command("EXISTS", name).value, 0)
                self.assertEqual(self.seen(target), expected)
                self.assertEqual(self.c.command("PEXPIRETIME", target).value, FAR_FUTURE_MS)
                name = target
            self.assert_ok(self.c.command("RENAME", name, name))
            self.c.command("SET", "taken", "1")
            self.assertEqual(self.c.command("RENAMENX", name, "taken").value, 0)
            self.assertEqual(self.seen(name), expected)
            self.assertEqual(self.c.command("RENAMENX", name, "free").value, 1)
            self.assertEqual(self.seen("free"), expected)
            self.assertEqual(self.c.command("DBSIZE").value, 2)

    def test_move(self) -> None:
        other = self.connect()
        other.command("SELECT", 5)
        for sample in self.each():
            expected = self.seen("k")
            self.assertEqual(self.c.command("MOVE", "k", 5).value, 1)
            self.assertEqual(self.seen("k", other), expected)
            self.assertEqual(self.c.command("DBSIZE").value, 0)
            sample.make(self.c, "k")
            self.assertEqual(self.c.command("MOVE", "k", 5).value, 0)

    def test_restore_across_shards(self) -> None:
        for sample in self.each():
            expected = self.seen("k")
            payload = self.c.command("DUMP", "k").value
            for target in TARGETS:
                self.assert_ok(self.c.command("RESTORE", target, 0, payload))
                self.assertEqual(self.seen(target), expected)

    # Ending

    def test_expiry(self) -> None:
        for sample in self.each():
            expected = self.seen("k")
            self.assertEqual(self.c.command("PEXPIRE", "k", 100_000).value, 1)
            self.assertEqual(self.c.command("PERSIST", "k").value, 1)
            self.assertEqual(self.c.command("TTL", "k").value, -1)
            self.assertEqual(self.seen("k"), expected)
            self.c.command("PEXPIRE", "k", 5)
            time.sleep(0.02)
            self.assertEqual(self.c.command("TYPE", "k").value, b"none")
            self.assertEqual(self.c.command("EXISTS", "k").value, 0)
            # What expired is no longer in the way.
            self.c.command("SET", "k", "x")
            self.assertEqual(self.c.command("GET", "k").value, b"x")

    def test_keys_that_expire_by_themselves(self) -> None:
        for number, sample in enumerate(self.samples):
            for copy in range(5):
                sample.make(self.c, f"k:{number}:{copy}")
                self.c.command("PEXPIRE", f"k:{number}:{copy}", 1)
        self.eventually(lambda: self.c.command("DBSIZE").value == 0, message="keys stay")
        if self.server.is_pantala:
            self.eventually(lambda: self.dataset_bytes() == 0, message="memory stays")

    # Memory

    def dataset_bytes(self) -> int:
        """The keys' blocks and all that hangs on them, as the heaps count them."""
        text = self.c.command("MEMORY", "MALLOC-STATS").text
        return sum(map(int, re.findall(r"Shard \d+\n  dataset +(\d+)", text)))

    def assert_exact(self) -> None:
        keys = self.c.command("KEYS", "*").value
        usages = self.c.pipeline([("MEMORY", "USAGE", key.value) for key in keys])
        used = sum(reply.value - SLOT_BYTES for reply in usages)
        # Large values that were removed are freed in slices.
        self.eventually(lambda: self.dataset_bytes() == used, message=f"{self.dataset_bytes()} bytes live, {used} in keys")

    def test_usage_is_exact(self) -> None:
        self.require_pantala("Redis only estimates")
        for sample in self.each():
            self.assert_exact()
            for target in TARGETS:
                self.c.command("COPY", "k", target)
            self.assert_exact()
            self.c.command("PEXPIREAT", TARGETS[0], FAR_FUTURE_MS)
            self.c.command("RENAME", TARGETS[1], TARGETS[2])
            self.c.command("RENAME", TARGETS[3], "a name that is a good deal longer than the other one")
            self.c.command("RESTORE", TARGETS[4], 0, self.c.command("DUMP", "k").value, "REPLACE")
            self.c.command("SET", TARGETS[5], "short")
            self.assert_exact()
            self.c.command("DEL", *TARGETS)
            self.assert_exact()
            self.c.command("FLUSHALL")
            self.eventually(lambda: self.dataset_bytes() == 0, message=f"{self.dataset_bytes()} bytes stay")

    def test_usage_stays_exact_as_values_change(self) -> None:
        self.require_pantala("Redis only estimates")
        source = random.Random(seed())
        changes = {
            "string": [("APPEND", "more"), ("SETRANGE", 300, "x"), ("SETBIT", 5_000, 1), ("INCR",), ("SET", "1")],
            "list": [("LPOP", 100), ("RPUSH", *numbered(LONG, 50)), ("LREM", 0, "1"), ("LTRIM", 5, -5), ("LINSERT", "BEFORE", "a", "b")],
            "set": [("SPOP", 100), ("SADD", *numbered(LONG, 50)), ("SREM", *numbered(LONG, 900)), ("SADD", *numbered(b"%d", 200))],
            "hash": [("HSET", *paired(LONG, 50)), ("HDEL", *numbered(LONG, 900)), ("HINCRBY", "n", 5), ("HSET", "a", b"x" * 3_000)],
            "zset": [("ZPOPMIN", 100), ("ZADD", *scored(LONG, 50)), ("ZREM", *numbered(LONG, 900)), ("ZINCRBY", 5, "a")],
            "stream": [("XADD", "*", "f", "v"), ("XTRIM", "MAXLEN", 50), ("XADD", "*", b"g" * 500, "v"), ("XACK", "g", "1-0"), ("XDEL", "5-0")],
        }  # fmt: skip
        for sample in self.each():
            for _ in range(12):
                name, *arguments = source.choice(changes[sample.type])
                self.c.command(name, "k", *arguments)
                self.assert_exact()

    def test_what_is_overwritten_is_freed(self) -> None:
        self.require_pantala("Redis only estimates")
        for sample in self.each():
            for other in self.samples:
                if other.type == "string":
                    self.c.command(other.commands[0][0], "k", *other.commands[0][1:])
                else:
                    other.make(self.c, "other")
                    self.c.command("RENAME", "other", "k")
            self.assertEqual(self.c.command("DBSIZE").value, 1)
            self.assert_exact()


class AllTypesTwoShards(AllTypes):
    SHARDS = 2


class AllTypesFourShards(AllTypes):
    SHARDS = 4
