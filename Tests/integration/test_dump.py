"""DUMP and RESTORE: payloads exchanged with a real redis-server, both ways, in every form that a value can have; what is refused,
and how."""

from __future__ import annotations

import random
import struct
import time
import unittest

import rdb_format as rdb
from resp import Connection, Reply
from server import Server, ServerTestCase, seed

BUSY_KEY = "BUSYKEY Target key name already exists."
BAD_FORMAT = "ERR Bad data format"
BAD_CHECKSUM = "ERR DUMP payload version or checksum are wrong"
# One command of each type: types that the binary does not have are not exchanged.
PROBES = {"string": "SET", "list": "RPUSH", "set": "SADD", "hash": "HSET", "zset": "ZADD", "stream": "XADD"}
FAR_FUTURE_MS = 4_000_000_000_000


def content(c: Connection, key: object) -> object:
    """All that a key holds, in an order that does not depend on the server."""
    kind = c.command("TYPE", key).text
    if kind == "string":
        return kind, c.command("GET", key).value
    if kind == "list":
        return kind, values(c.command("LRANGE", key, 0, -1))
    if kind == "set":
        return kind, sorted(values(c.command("SMEMBERS", key)))
    if kind == "hash":
        items = values(c.command("HGETALL", key))
        return kind, sorted(zip(items[::2], items[1::2]))
    if kind == "zset":
        return kind, values(c.command("ZRANGE", key, 0, -1, "WITHSCORES"))
    if kind == "stream":
        return kind, stream_content(c, key)
    return kind, None


def stream_content(c: Connection, key: object) -> object:
    def plain(reply: Reply) -> object:
        return [plain(item) for item in reply.value] if isinstance(reply.value, tuple) else reply.value

    full = plain(c.command("XINFO", "STREAM", key, "FULL", "COUNT", 0))
    pairs = dict(zip(full[::2], full[1::2]))
    # How a stream is kept is each server's affair, and idle times go on.
    for name in (b"radix-tree-keys", b"radix-tree-nodes"):
        pairs.pop(name, None)
    for group in pairs.get(b"groups", []):
        place = group.index(b"consumers") + 1
        group[place] = [drop_times(consumer) for consumer in group[place]]
    return pairs


def drop_times(consumer: list) -> dict:
    pairs = dict(zip(consumer[::2], consumer[1::2]))
    pairs.pop(b"active-time", None)
    return pairs


def values(reply: Reply) -> list:
    return [item.value for item in reply.value]


class Exchange(unittest.TestCase):
    """Whatever redis-server dumps we restore, and the other way round."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.subject = Server(shards=2)
        cls.reference = Server.reference()
        cls.ours = cls.subject.connect()
        cls.theirs = cls.reference.connect()
        cls.kinds = {kind for kind, command in PROBES.items() if not cls.ours.command("COMMAND", "INFO", command).value[0].is_null}

    @classmethod
    def tearDownClass(cls) -> None:
        cls.subject.stop()
        cls.reference.stop()

    def setUp(self) -> None:
        self.random = random.Random(seed())
        for c in (self.ours, self.theirs):
            c.command("FLUSHALL")

    def require(self, kind: str) -> None:
        if kind not in self.kinds:
            self.skipTest(f"the server has no {kind} yet")

    @property
    def knows_all_types(self) -> bool:
        """Whether the binary reads what Redis 7.4 writes."""
        return self.subject.version >= (7, 4)

    def configure(self, **settings: object) -> None:
        """Changes the limits of redis-server for one test."""
        for name, value in settings.items():
            name = name.replace("_", "-")
            old = self.theirs.command("CONFIG", "GET", name).value[1].value
            self.theirs.command("CONFIG", "SET", name, value)
            self.addCleanup(self.theirs.command, "CONFIG", "SET", name, old)

    def exchange(self, *commands: tuple) -> None:
        """Makes key `k` on both servers, and sends it round: from each to itself and to the other."""
        for c in (self.ours, self.theirs):
            c.command("DEL", "k")
            for reply in c.pipeline(commands):
                self.assertFalse(reply.is_error, reply)
        expected = content(self.theirs, "k")
        self.assertEqual(content(self.ours, "k"), expected)
        for source in (self.ours, self.theirs):
            payload = source.command("DUMP", "k").value
            for target in (self.ours, self.theirs):
                reply = target.command("RESTORE", "copy", 0, payload, "REPLACE")
                self.assertEqual(reply.value, b"OK", f"{len(payload)} bytes, {payload[:60]!r}")
                self.assertEqual(content(target, "copy"), expected)
                if source is target:
                    continue
                encoding = target.command("OBJECT", "ENCODING", "k")
                self.assertEqual(target.command("OBJECT", "ENCODING", "copy"), encoding)

    # What values are made of

    def element(self) -> bytes:
        kind = self.random.randrange(6)
        if kind == 0:
            return b"%d" % self.random.randrange(-200, 200)
        if kind == 1:
            return b"%d" % (self.random.getrandbits(64) >> self.random.randrange(1, 64))
        if kind == 2:
            return b"-%d" % (1 + (self.random.getrandbits(63) >> self.random.randrange(63)))
        if kind == 3:
            return self.random.randbytes(self.random.randrange(70))
        if kind == 4:
            return b"word" * self.random.randrange(15)
        return b"element %d" % self.random.randrange(10_000)

    def elements(self, count: int) -> list[bytes]:
        return [self.element() for _ in range(count)]

    def distinct(self, count: int) -> list[bytes]:
        return list(dict.fromkeys(self.elements(count)))

    def big(self) -> list[bytes]:
        """Long ones around the places where lengths take more bytes."""
        sizes = (63, 64, 127, 128, 4_095, 4_096, 8_180, 16_370, 16_390, 70_000)
        return [b"=" * size for size in sizes] + [self.random.randbytes(size) for size in sizes]

    # The types

    def test_strings(self) -> None:
        numbers = [0, 1, -1, 127, 128, -128, -129, 32_767, 32_768, -32_769, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
        texts = [b"", b"x", b"007", b"1.5", b"x" * 20, b"x" * 21, bytes(range(256)), b"abc" * 5_000, b"q" * 3_000_000]
        texts += [b"%d" % number for number in numbers] + self.big() + [self.random.randbytes(2_000_000)]
        for _ in range(100):
            words = self.elements(10)
            texts.append(b" ".join(self.random.choice(words) for _ in range(self.random.randrange(1_000))))
        for text in texts:
            with self.subTest(text=text[:40], count=len(text)):
                self.exchange(("SET", "k", text))

    def test_lists(self) -> None:
        self.require("list")
        for size in (-2, -1, 3):
            self.configure(list_max_listpack_size=size)
            for count in (1, 2, 127, 130, 3_000):
                with self.subTest(size=size, count=count):
                    self.exchange(("RPUSH", "k", *self.elements(count)))
            with self.subTest(size=size, big=True):
                self.exchange(("RPUSH", "k", *self.big()), ("LPUSH", "k", *self.elements(50)))

    def test_compressed_lists(self) -> None:
        self.require("list")
        self.configure(list_compress_depth=1, list_max_listpack_size=-1)
        self.exchange(("RPUSH", "k", *[b"compressible element %d" % number for number in range(5_000)]))

    def test_sets(self) -> None:
        self.require("set")
        for entries in (512, 4):
            self.configure(set_max_intset_entries=entries)
            for numbers in ([1], [1, -2, 300], [1, 70_000, -70_000], [5, 2**63 - 1, -(2**63)], range(-100, 400), range(600)):
                with self.subTest(entries=entries, numbers=len(numbers)):
                    payload = self.dumped(self.theirs, ("SADD", "k", *numbers))
                    self.restored(payload, ("set", sorted(b"%d" % number for number in numbers)))
                    payload = self.dumped(self.ours, ("SADD", "k", *numbers))
                    self.restored(payload, ("set", sorted(b"%d" % number for number in numbers)))
        for count in (1, 2, 100, 3_000):
            with self.subTest(count=count):
                members = self.distinct(count)
                self.exchange(("SADD", "k", "text", *members)) if count > 500 else self.exchange_unencoded(("SADD", "k", "text", *members))
        self.exchange(("SADD", "k", *self.big()))

    def test_hashes(self) -> None:
        self.require("hash")
        for entries in (128, 5):
            self.configure(hash_max_listpack_entries=entries)
            for count in (1, 2, 60, 2_000):
                with self.subTest(entries=entries, count=count):
                    pairs = [item for field in self.distinct(count) for item in (field, self.element())]
                    self.exchange_unencoded(("HSET", "k", *pairs))
        self.exchange(("HSET", "k", *[item for text in self.big() for item in (text, text[::-1])]))
        self.exchange(("HSET", "k", "", "", "1", "2"))

    def test_sorted_sets(self) -> None:
        self.require("zset")
        scores = ["-inf", "inf", 0, 1, -1, 1.5, 0.1, 1e17, -1e17, 1e300, 5e-324, 2**53, 3.0000000000000004, 4.9406564584124654e-324, 1e15 + 0.5]
        for entries in (128, 5):
            self.configure(zset_max_listpack_entries=entries)
            self.exchange_unencoded(("ZADD", "k", *[item for number, score in enumerate(scores) for item in (score, b"m%d" % number)]))
            for count in (1, 2, 60, 2_000):
                with self.subTest(entries=entries, count=count):
                    pairs = []
                    for member in self.distinct(count):
                        pairs += [self.random.choice([1, 2, 2.5, self.random.uniform(-1e6, 1e6)]), member]
                    self.exchange_unencoded(("ZADD", "k", *pairs))
        self.exchange(("ZADD", "k", *[item for number, text in enumerate(self.big()) for item in (number % 3, text)]))

    def exchange_unencoded(self, *commands: tuple) -> None:
        """The same where the servers' limits or clocks differ, and with them the names of encodings and some times."""
        for source in (self.ours, self.theirs):
            payload = self.dumped(source, *commands)
            self.restored(payload, content(source, "k"))

    def dumped(self, c: Connection, *commands: tuple) -> bytes:
        c.command("DEL", "k")
        for reply in c.pipeline(commands):
            self.assertFalse(reply.is_error, reply)
        return c.command("DUMP", "k").value

    def restored(self, payload: bytes, expected: object, servers: tuple | None = None) -> None:
        for target in servers or (self.ours, self.theirs):
            reply = target.command("RESTORE", "copy", 0, payload, "REPLACE")
            self.assertEqual(reply.value, b"OK", f"{len(payload)} bytes, {payload[:60]!r}")
            self.assertEqual(content(target, "copy"), expected)

    # Forms that other versions write

    def test_old_lists(self) -> None:
        self.require("list")
        texts = [b"a", b"", b"0", b"12", b"13", b"-1", b"127", b"-128", b"128", b"40000", b"-8000000", b"9000000", b"%d" % 2**40, b"y" * 300, b"z" * 20_000]
        expected = ("list", texts)
        self.restored(rdb.payload(rdb.LIST, rdb.length(len(texts)) + rdb.strings(texts), 1), expected)
        self.restored(rdb.payload(rdb.LIST_ZIPLIST, rdb.string(rdb.ziplist(texts)), 2), expected)
        nodes = rdb.string(rdb.ziplist(texts[:3])) + rdb.lzf_string(rdb.ziplist(texts[3:]))
        self.restored(rdb.payload(rdb.LIST_QUICKLIST, rdb.length(2) + nodes, 7), expected)
        nodes = [(rdb.PACKED_NODE, rdb.string(rdb.listpack(texts[:3])))]
        nodes += [(rdb.PLAIN_NODE, rdb.string(texts[3])), (rdb.PACKED_NODE, rdb.lzf_string(rdb.listpack(texts[4:])))]
        body = b"".join(rdb.length(kind) + node for kind, node in nodes)
        self.restored(rdb.payload(rdb.LIST_QUICKLIST_2, rdb.length(len(nodes)) + body), expected)

    def test_old_sets(self) -> None:
        self.require("set")
        for width in (2, 4, 8):
            payload = rdb.payload(rdb.SET_INTSET, rdb.string(rdb.intset([1, -1, 100], width)), 2)
            self.restored(payload, ("set", [b"-1", b"1", b"100"]))
        payload = rdb.payload(rdb.SET_LISTPACK, rdb.string(rdb.listpack([b"a", 7])), 11)
        if self.knows_all_types:
            self.restored(payload, ("set", [b"7", b"a"]), (self.ours,))

    def test_old_hashes(self) -> None:
        self.require("hash")
        pairs = {b"field": b"value", b"n": b"-5", b"": b"", b"long": b"v" * 300}
        expected = ("hash", sorted(pairs.items()))
        flat = rdb.flat(pairs)
        self.restored(rdb.payload(rdb.HASH, rdb.length(4) + rdb.strings(flat), 1), expected)
        for unused in (0, 3):
            self.restored(rdb.payload(rdb.HASH_ZIPMAP, rdb.string(rdb.zipmap(pairs, unused)), 2), expected)
        self.restored(rdb.payload(rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist(flat)), 4), expected)
        self.restored(rdb.payload(rdb.HASH_LISTPACK, rdb.lzf_string(rdb.listpack(flat))), expected)

    def test_fields_with_times(self) -> None:
        self.require("hash")
        if not self.knows_all_types:
            self.skipTest("needs the types of Redis 7.4")
        pairs = [item for number in range(600) for item in (b"field %d" % number, b"value %d" % number)]
        for count in (3, 600):
            with self.subTest(fields=count):
                self.ours.command("DEL", "k")
                self.ours.command("HSET", "k", *pairs[: 2 * count])
                self.ours.command("HPEXPIREAT", "k", FAR_FUTURE_MS, "FIELDS", 2, "field 1", "field 2")
                self.ours.command("HPEXPIREAT", "k", FAR_FUTURE_MS - 7, "FIELDS", 1, "field 0")
                payload = self.ours.command("DUMP", "k").value
                self.assertEqual(payload[0], rdb.HASH_LISTPACK_EX if count == 3 else rdb.HASH_METADATA)
                self.assertEqual(payload[1:9], struct.pack("<Q", FAR_FUTURE_MS - 7))
                self.restored(payload, content(self.ours, "k"), (self.ours,))
                times = self.ours.command("HPEXPIRETIME", "copy", "FIELDS", 4, "field 0", "field 1", "field 2", "field 3")
                self.assertEqual(values(times)[:3], [FAR_FUTURE_MS - 7, FAR_FUTURE_MS, FAR_FUTURE_MS])
                self.assertEqual(values(times)[3], -1 if count > 3 else -2)

    def test_fields_that_have_expired(self) -> None:
        self.require("hash")
        if not self.knows_all_types:
            self.skipTest("needs the types of Redis 7.4")
        past = int(time.time() * 1000) - 1_000
        for kind, body in self.hashes_with_times(past, FAR_FUTURE_MS):
            self.restored(rdb.payload(kind, body, rdb.VERSION_7_4), ("hash", [(b"b", b"2"), (b"c", b"3")]), (self.ours,))
            times = self.ours.command("HPEXPIRETIME", "copy", "FIELDS", 2, "b", "c")
            self.assertEqual(values(times), [FAR_FUTURE_MS, -1])
        body = struct.pack("<Q", past) + rdb.length(1) + rdb.length(1) + rdb.strings([b"f", b"v"])
        payload = rdb.payload(rdb.HASH_METADATA, body, rdb.VERSION_7_4)
        self.assertEqual(self.ours.command("RESTORE", "copy", 0, payload, "REPLACE").value, b"OK")
        self.assertEqual(self.ours.command("EXISTS", "copy").value, 0)

    def hashes_with_times(self, first: int, second: int) -> list[tuple[int, bytes]]:
        """Fields a, b and c, of which the last has no time, in all forms of 7.4 and its candidates."""
        triples = [b"a", 1, first, b"b", 2, second, b"c", 3, 0]
        packed = rdb.string(rdb.listpack(triples))

        def fields(base: int) -> bytes:
            times = [rdb.length(time - base + 1 if time else 0) for time in triples[2::3]]
            return rdb.length(3) + b"".join(one + rdb.strings([triples[3 * n], b"%d" % triples[3 * n + 1]]) for n, one in enumerate(times))

        earliest = struct.pack("<Q", first)
        return [
            (rdb.HASH_METADATA_PRE_GA, fields(1)),
            (rdb.HASH_LISTPACK_EX_PRE_GA, packed),
            (rdb.HASH_METADATA, earliest + fields(first)),
            (rdb.HASH_LISTPACK_EX, earliest + packed),
        ]

    def test_old_sorted_sets(self) -> None:
        self.require("zset")
        expected = ("zset", [b"low", b"-inf", b"b", b"-1.5", b"a", b"3", b"high", b"inf"])
        flat = [b"low", b"-inf", b"b", b"-1.5", b"a", 3, b"high", b"inf"]
        texts = rdb.string(b"a") + b"\x013" + rdb.string(b"b") + b"\x04-1.5" + rdb.string(b"high") + b"\xfe" + rdb.string(b"low") + b"\xff"
        self.restored(rdb.payload(rdb.ZSET, rdb.length(4) + texts, 1), expected)
        self.restored(rdb.payload(rdb.ZSET_ZIPLIST, rdb.string(rdb.ziplist(flat)), 2), expected)
        self.restored(rdb.payload(rdb.ZSET_LISTPACK, rdb.string(rdb.listpack(flat))), expected)
        doubles = b"".join(rdb.string(flat[i]) + struct.pack("<d", float(flat[i + 1])) for i in (6, 2, 0, 4))
        self.restored(rdb.payload(rdb.ZSET_2, rdb.length(4) + doubles, 8), expected)

    def old_stream(self, kind: int) -> bytes:
        """Two nodes, one of them with a deleted entry, and groups that have read nothing, something, all and more than all."""
        nodes = [
            rdb.stream_node([((1, 0), [b"f", b"v", b"n", 1], False), ((2, 5), [b"f", b"w", b"n", 2], True), ((3, 0), [b"g", 3], False)]),
            rdb.stream_node([((4, 7), [b"f", b""], False), ((4, 8), [b"f", b"x" * 100], False)]),
        ]
        seen = FAR_FUTURE_MS
        consumers = [(b"c", seen, seen - 5, [((1, 0), seen, 2), ((4, 7), seen, 1)]), (b"17", seen, -1, [((2, 5), seen, 300)])]
        groups = [
            rdb.stream_group(kind, b"none", (0, 0), 0, []),
            rdb.stream_group(kind, b"first", (1, 0), 1, consumers),
            rdb.stream_group(kind, b"between", (3, 0), -1, []),
            rdb.stream_group(kind, b"all", (4, 8), 5, [(b"idle", seen, seen, [])]),
            rdb.stream_group(kind, b"more", (9, 9), -1, []),
        ]
        return rdb.stream(kind, nodes, 4, (4, 8), groups, (1, 0), (2, 5), 5)

    def test_old_streams(self) -> None:
        self.require("stream")
        for kind, version in ((rdb.STREAM_LISTPACKS, 9), (rdb.STREAM_LISTPACKS_2, 10)):
            payload = rdb.payload(kind, self.old_stream(kind), version)
            self.assertEqual(self.theirs.command("RESTORE", "copy", 0, payload, "REPLACE").value, b"OK")
            self.restored(payload, content(self.theirs, "copy"))
        expected = content(self.theirs, "copy")
        if self.knows_all_types:
            self.restored(rdb.payload(rdb.STREAM_LISTPACKS_3, self.old_stream(rdb.STREAM_LISTPACKS_3), 11), expected, (self.ours,))

    def test_streams(self) -> None:
        self.require("stream")
        for node_entries in (100, 3):
            self.configure(stream_node_max_entries=node_entries)
            for count in (1, 10, 1_000):
                with self.subTest(node_entries=node_entries, count=count):
                    self.exchange_unencoded(*self.stream_commands(count))
        self.exchange_unencoded(("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM"))
        last = 2**64 - 1
        self.exchange_unencoded(("XADD", "k", f"{last}-{last}", *[item for text in self.big() for item in (text, text)]))

    def stream_commands(self, count: int) -> list[tuple]:
        commands: list[tuple] = []
        fields = self.distinct(3)
        for number in range(1, count + 1):
            some = fields if self.random.random() < 0.8 else self.distinct(4)
            items = [item for field in some for item in (field, self.element())]
            commands.append(("XADD", "k", f"{number // 3 + 1}-{number}", *items))
        commands.append(("XGROUP", "CREATE", "k", "one", 0))
        commands.append(("XGROUP", "CREATE", "k", "two", f"{count // 6 + 1}-{count // 2}"))
        for consumer in (b"alice", b"17", b"\x00bin\xff"):
            commands.append(("XREADGROUP", "GROUP", "one", consumer, "COUNT", count // 4 + 1, "STREAMS", "k", ">"))
        commands.append(("XGROUP", "CREATECONSUMER", "k", "two", "idle"))
        commands += [("XACK", "k", "one", f"{number // 3 + 1}-{number}") for number in range(1, count, 5)]
        commands += [("XDEL", "k", f"{number // 3 + 1}-{number}") for number in range(2, count, 7)]
        return commands

    def test_order_of_sorted_sets_is_not_trusted(self) -> None:
        self.require("zset")
        if not self.subject.is_pantala:
            self.skipTest("only Pantala: redis-server believes it")
        payload = rdb.payload(rdb.ZSET_LISTPACK, rdb.string(rdb.listpack([b"b", 2, b"a", 2, b"c", 1])))
        self.restored(payload, ("zset", [b"c", b"1", b"a", b"2", b"b", b"2"]), (self.ours,))


class Restore(ServerTestCase):
    """The command itself: its options and its errors, which redis-server words as we do."""

    def setUp(self) -> None:
        super().setUp()
        self.payload = rdb.payload(rdb.STRING, rdb.string(b"value"))

    def restore(self, *options: object, ttl: object = 0, payload: bytes | None = None) -> Reply:
        return self.c.command("RESTORE", "k", ttl, self.payload if payload is None else payload, *options)

    def test_a_key_that_exists_is_kept_unless_told_otherwise(self) -> None:
        self.assert_ok(self.restore())
        self.assert_error(self.restore(payload=rdb.payload(rdb.STRING, rdb.string(b"other"))), BUSY_KEY)
        self.assertEqual(self.c.command("GET", "k").value, b"value")
        self.assert_ok(self.restore("REPLACE", payload=rdb.payload(rdb.STRING, rdb.string(b"other"))))
        self.assertEqual(self.c.command("GET", "k").value, b"other")

    def test_times_to_live(self) -> None:
        self.assert_ok(self.restore(ttl=100_000))
        self.assertAlmostEqual(self.c.command("PTTL", "k").value, 100_000, delta=5_000)
        self.assert_ok(self.restore("absttl", "REPLACE", ttl=FAR_FUTURE_MS))
        self.assertEqual(self.c.command("PEXPIRETIME", "k").value, FAR_FUTURE_MS)
        self.assert_ok(self.restore("REPLACE"))
        self.assertEqual(self.c.command("PTTL", "k").value, -1)

    def test_a_time_that_is_past_leaves_no_key(self) -> None:
        self.assert_ok(self.restore("ABSTTL", ttl=1))
        self.assertEqual(self.c.command("EXISTS", "k").value, 0)
        self.assert_ok(self.restore())
        self.assert_ok(self.restore("ABSTTL", "REPLACE", ttl=int(time.time() * 1000) - 10))
        self.assertEqual(self.c.command("EXISTS", "k").value, 0)
        self.assertEqual(self.c.command("DBSIZE").value, 0)

    def test_idle_time_and_frequency(self) -> None:
        self.assert_ok(self.restore("IDLETIME", 1_000))
        self.assertAlmostEqual(self.c.command("OBJECT", "IDLETIME", "k").value, 1_000, delta=500)
        self.assert_ok(self.restore("FREQ", 255, "REPLACE"))
        self.assertLess(self.c.command("OBJECT", "IDLETIME", "k").value, 5)

    def test_errors(self) -> None:
        self.assert_ok(self.restore())
        syntax = "ERR syntax error"
        for options, ttl, expected in [
            (("NOPE",), 0, syntax),
            (("REPLACE", "IDLETIME"), 0, syntax),
            (("IDLETIME", 1, "FREQ", 1), 0, syntax),
            (("FREQ", 1, "IDLETIME", 1), 0, syntax),
            (("IDLETIME", -1), 0, "ERR Invalid IDLETIME value, must be >= 0"),
            (("IDLETIME", "x"), 0, "ERR value is not an integer or out of range"),
            (("FREQ", 256), 0, "ERR Invalid FREQ value, must be >= 0 and <= 255"),
            (("FREQ", -1), 0, "ERR Invalid FREQ value, must be >= 0 and <= 255"),
            ((), -1, BUSY_KEY),
            (("REPLACE",), -1, "ERR Invalid TTL value, must be >= 0"),
            (("REPLACE",), "x", "ERR value is not an integer or out of range"),
        ]:
            with self.subTest(options=options, ttl=ttl):
                self.assert_error(self.restore(*options, ttl=ttl), expected)
        self.assertEqual(self.c.command("GET", "k").value, b"value")

    def test_payloads_that_are_none(self) -> None:
        for payload in (b"", b"x", self.payload[:-1], self.payload + b"x", self.payload[:-8] + bytes(8), b"\x01" + self.payload[1:]):
            self.assert_error(self.restore(payload=payload), BAD_CHECKSUM)
        self.assert_error(self.restore(payload=rdb.payload(rdb.STRING, rdb.string(b"x"), 200)), BAD_CHECKSUM)
        for kind, body in [(99, b"\x01x"), (rdb.STRING, b"\x30abc"), (rdb.SET, b"\x00"), (rdb.LIST, b"\x81" + b"\x7f" * 8)]:
            self.assert_error(self.restore(payload=rdb.payload(kind, body)), BAD_FORMAT)
        self.assertEqual(self.c.command("EXISTS", "k").value, 0)

    def test_dump_of_what_is_not_there(self) -> None:
        self.assertEqual(self.c.command("DUMP", "none").kind, "null-bulk")
        self.assertEqual(self.connect(3).command("DUMP", "none").kind, "null")

    def test_a_replaced_value_gives_its_memory_back(self) -> None:
        self.c.command("SET", "k", "x" * 1_000_000)
        self.assert_ok(self.restore("REPLACE"))
        self.assertLess(self.c.command("MEMORY", "USAGE", "k").value, 200)


class Hostile(ServerTestCase):
    """Payloads changed at random, with a checksum that fits: refused or restored, and the server lives on."""

    ROUNDS = 4_000

    def originals(self) -> list[tuple[int, bytes]]:
        texts = [b"a", b"17", b"-5", b"longer text " * 8, b"%d" % 2**40, b"b"]
        flat = [b"a", b"1", b"b", b"2.5", b"c", b"-3"]
        return [
            (rdb.STRING, rdb.lzf_string(b"x" * 300 + b"yz")),
            (rdb.LIST, rdb.length(6) + rdb.strings(texts)),
            (rdb.LIST_ZIPLIST, rdb.string(rdb.ziplist(texts))),
            (rdb.LIST_QUICKLIST, rdb.length(1) + rdb.string(rdb.ziplist(texts))),
            (rdb.LIST_QUICKLIST_2, rdb.length(2) + b"\x02" + rdb.string(rdb.listpack(texts)) + b"\x01" + rdb.string(b"plain")),
            (rdb.SET, rdb.length(6) + rdb.strings(texts)),
            (rdb.SET_INTSET, rdb.string(rdb.intset([1, 2, 3, 70_000]))),
            (rdb.SET_LISTPACK, rdb.string(rdb.listpack(texts))),
            (rdb.HASH, rdb.length(3) + rdb.strings(flat)),
            (rdb.HASH_ZIPMAP, rdb.string(rdb.zipmap({b"a": b"1", b"b": b"2"}, 1))),
            (rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist(flat))),
            (rdb.HASH_LISTPACK, rdb.string(rdb.listpack(flat))),
            (rdb.HASH_METADATA, struct.pack("<Q", FAR_FUTURE_MS) + rdb.length(1) + rdb.length(9) + rdb.strings([b"f", b"v"])),
            (rdb.HASH_LISTPACK_EX, struct.pack("<Q", FAR_FUTURE_MS) + rdb.string(rdb.listpack([b"f", b"v", FAR_FUTURE_MS]))),
            (rdb.ZSET, rdb.length(1) + rdb.string(b"m") + b"\x031.5"),
            (rdb.ZSET_2, rdb.length(1) + rdb.string(b"m") + struct.pack("<d", 1.5)),
            (rdb.ZSET_ZIPLIST, rdb.string(rdb.ziplist(flat))),
            (rdb.ZSET_LISTPACK, rdb.string(rdb.listpack(flat))),
            *[(kind, self.stream(kind)) for kind in (rdb.STREAM_LISTPACKS, rdb.STREAM_LISTPACKS_2, rdb.STREAM_LISTPACKS_3)],
        ]

    def stream(self, kind: int) -> bytes:
        node = rdb.stream_node([((1, 0), [b"f", b"v"], False), ((1, 1), [b"f", 5], True), ((2, 0), [b"g", b"w"], False)])
        group = rdb.stream_group(kind, b"g", (1, 0), 1, [(b"c", 5, 5, [((1, 0), 5, 1)])])
        return rdb.stream(kind, [node], 2, (2, 0), [group], (1, 0), (1, 1), 3)

    def mutated(self, source: random.Random, body: bytes) -> bytes:
        changed = bytearray(body)
        for _ in range(source.randrange(1, 4)):
            place = source.randrange(len(changed) + 1)
            kind = source.randrange(4)
            if kind == 0 and place < len(changed):
                changed[place] = source.choice((0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xF0, 0xFE, 0xFF, source.randrange(256)))
            elif kind == 1 and place < len(changed):
                changed[place] ^= 1 << source.randrange(8)
            elif kind == 2:
                del changed[place : place + source.randrange(4)]
            else:
                changed[place:place] = source.randbytes(source.randrange(4))
        return bytes(changed)

    def test_mutations(self) -> None:
        self.require_pantala("redis-server does not look as closely, and does not live on always")
        source = random.Random(seed())
        originals = self.originals()
        restored = 0
        for start in range(0, self.ROUNDS, 200):
            commands = []
            for number in range(start, start + 200):
                kind, body = source.choice(originals)
                payload = rdb.payload(kind, self.mutated(source, body), rdb.VERSION_7_4)
                commands.append(("RESTORE", f"k{number % 50}", 0, payload, "REPLACE"))
            for reply in self.c.pipeline(commands):
                restored += not reply.is_error
                if reply.is_error:
                    self.assert_error(reply, BAD_FORMAT)
            for number in range(50):
                if self.c.command("EXISTS", f"k{number}").value:
                    content(self.c, f"k{number}")
                    self.assertFalse(self.c.command("DUMP", f"k{number}").is_error)
        self.assertGreater(restored, 100)
