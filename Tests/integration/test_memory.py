"""The MEMORY family: what each field is called, and that the numbers add up, whatever was stored before."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

from resp import Connection, Reply, encode
from server import ServerTestCase, seed

# Names in their order; "db.N" stands for one nested map per database that has keys.
DATABASES = "db.N"
FIELDS_7_4 = """peak.allocated total.allocated startup.allocated replication.backlog clients.slaves clients.normal cluster.links
    aof.buffer lua.caches functions.caches db.N overhead.db.hashtable.lut overhead.db.hashtable.rehashing overhead.total
    db.dict.rehashing.count keys.count keys.bytes-per-key dataset.bytes dataset.percentage peak.percentage allocator.allocated
    allocator.active allocator.resident allocator.muzzy allocator-fragmentation.ratio allocator-fragmentation.bytes
    allocator-rss.ratio allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes fragmentation fragmentation.bytes""".split()
NEWER_THAN_7_0 = {
    "overhead.db.hashtable.lut", "overhead.db.hashtable.rehashing", "db.dict.rehashing.count", "allocator.muzzy",
}  # fmt: skip
DOUBLES = {
    "dataset.percentage", "peak.percentage", "allocator-fragmentation.ratio", "allocator-rss.ratio", "rss-overhead.ratio", "fragmentation",
}  # fmt: skip
MAY_BE_NEGATIVE = {
    "allocator-fragmentation.bytes", "allocator-rss.bytes", "rss-overhead.bytes", "fragmentation.bytes", "tables.unused",
    "allocator.difference", "rss.untouched",
}  # fmt: skip
# Pantala's own fields, behind Redis's: what total.allocated consists of beside what Redis names, and what rss does.
OWN_PARTS = """keys.bytes keys.slots keys.removed tables.unused tables.removed subscriptions tracking receive.buffers shard.messages statistics defragmentation runtime
    remainder""".split()
NAMED_PARTS = """clients.normal clients.slaves replication.backlog cluster.links aof.buffer lua.caches functions.caches""".split()
RESIDENT_PARTS = "rss.live rss.fragmentation rss.retained rss.untouched rss.stacks rss.variables rss.files".split()
FIELDS_OWN = OWN_PARTS + ["allocator.difference", "maxmemory.counted", "rss"] + RESIDENT_PARTS
DATABASE_FIELDS = ["overhead.hashtable.main", "overhead.hashtable.expires"]
OVERHEADS = [
    "startup.allocated", "replication.backlog", "clients.slaves", "clients.normal", "cluster.links", "aof.buffer", "lua.caches",
    "functions.caches",
]  # fmt: skip
LOAD_COMMANDS = 8_000
SMALL_KEY_BYTES_MAX = 300
INT64_MAX = 2**63 - 1
# Doubles come with as many digits as each server likes.
DOUBLE_TOLERANCE = 0.01


def load(c: Connection, random_source: random.Random, databases: tuple[int, ...] = (0, 1, 5)) -> None:
    """Keys of all sizes, with and without expiry, overwritten and deleted, in several databases."""
    for database in databases:
        c.command("SELECT", database)
        commands = []
        for _ in range(LOAD_COMMANDS // len(databases)):
            key = f"key:{random_source.randrange(2_000)}"
            kind = random_source.random()
            if kind < 0.6:
                size = random_source.choice((0, 3, 40, 200, 3_000))
                expiry = ["EX", 1_000] if random_source.random() < 0.3 else []
                commands.append(["SET", key, "x" * random_source.randint(0, size), *expiry])
            elif kind < 0.75:
                commands.append(["DEL", key])
            elif kind < 0.85:
                commands.append(["APPEND", key, "y" * 50])
            else:
                commands.append(["RENAME", key, f"key:{random_source.randrange(2_000)}"])
        c.pipeline(commands)
    c.command("SELECT", 0)


class MemoryStats(ServerTestCase):
    SHARDS = 1

    def setUp(self) -> None:
        super().setUp()
        self.expected = FIELDS_7_4 + FIELDS_OWN if self.server.is_pantala else [name for name in FIELDS_7_4 if name not in NEWER_THAN_7_0]

    def stats(self, protocol: int = 3) -> Reply:
        return self.connect(protocol).command("MEMORY", "STATS")

    def names(self, databases: list[int]) -> list[str]:
        place = self.expected.index(DATABASES)
        return self.expected[:place] + [f"db.{database}" for database in databases] + self.expected[place + 1 :]

    def known(self, reply: Reply) -> dict[str, Reply]:
        """Without what redis-server 7.0 has and 7.4 has no more, or what came later."""
        return {name: item for name, item in reply.fields().items() if name in self.expected or re.fullmatch(r"db\.\d+", name)}

    def test_names_in_their_order(self) -> None:
        self.assertEqual(list(self.known(self.stats())), self.names([]), "an empty server has no db.N")
        load(self.c, random.Random(seed()))
        for protocol in (2, 3):
            reply = self.stats(protocol)
            self.assertEqual(list(self.known(reply)), self.names([0, 1, 5]))
            if self.server.is_pantala:
                self.assertEqual(list(reply.fields()), self.names([0, 1, 5]), "no field more and none less")

    def test_kinds(self) -> None:
        load(self.c, random.Random(seed()))
        for protocol, whole, double, nested in ((2, "array", "bulk", "array"), (3, "map", "double", "map")):
            reply = self.stats(protocol)
            self.assertEqual(reply.kind, whole)
            for name, item in self.known(reply).items():
                expected = nested if name in ("db.0", "db.1", "db.5") else double if name in DOUBLES else "integer"
                self.assertEqual(item.kind, expected, name)
                if item.kind == nested:
                    self.assertEqual(list(item.fields())[:2], DATABASE_FIELDS)
                    self.assertEqual({inner.kind for inner in item.fields().values()}, {"integer"})
                elif item.kind == "bulk":
                    float(item.value)

    def test_numbers_add_up(self) -> None:
        random_source = random.Random(seed())
        for turn in range(4):
            load(self.c, random_source)
            with self.subTest(turn=turn):
                self.check_identities()
        self.c.command("FLUSHALL")
        self.check_identities()

    def check_identities(self) -> None:
        sizes = {}
        for database in range(16):
            self.c.command("SELECT", database)
            sizes[database] = self.c.command("DBSIZE").value
        self.c.command("SELECT", 0)
        reply = self.stats()
        fields = {name: item.value for name, item in self.known(reply).items() if item.kind == "integer"}
        doubles = {name: float(item.value) for name, item in self.known(reply).items() if item.kind == "double"}
        databases = {name: item.fields() for name, item in self.known(reply).items() if item.kind == "map"}
        self.assertEqual(set(databases), {f"db.{database}" for database, size in sizes.items() if size})
        self.assertEqual(fields["keys.count"], sum(sizes.values()))
        self.assertGreaterEqual(fields["peak.allocated"], fields["total.allocated"])
        self.assertEqual(fields["dataset.bytes"], max(0, fields["total.allocated"] - fields["overhead.total"]))
        tables = sum(tables[name].value for tables in databases.values() for name in DATABASE_FIELDS)
        self.assertEqual(fields["overhead.total"], sum(fields[name] for name in OVERHEADS) + tables)
        self.check_derived(fields, doubles)
        for name, value in fields.items():
            self.assertLess(value, INT64_MAX // 2, name)
            if name not in MAY_BE_NEGATIVE:
                self.assertGreaterEqual(value, 0, name)
        for name, value in doubles.items():
            self.assertGreaterEqual(value, 0, name)
            self.assertEqual(value, value, f"{name} is not a number")

    def check_derived(self, fields: dict[str, int], doubles: dict[str, float]) -> None:
        self.assertLessEqual(doubles["peak.percentage"], 100)
        of_peak = fields["total.allocated"] * 100 / fields["peak.allocated"]
        self.assertAlmostEqual(doubles["peak.percentage"], of_peak, delta=DOUBLE_TOLERANCE)
        net = fields["total.allocated"] - fields["startup.allocated"]
        if net > 0 and fields["keys.count"]:
            self.assertAlmostEqual(doubles["dataset.percentage"], fields["dataset.bytes"] * 100 / net, delta=DOUBLE_TOLERANCE)
        if self.server.is_pantala:
            # Redis divides what is left after startup, reference/memory-commands.md the dataset.
            per_key = fields["dataset.bytes"] // fields["keys.count"] if fields["keys.count"] else 0
            self.assertEqual(fields["keys.bytes-per-key"], per_key)
            self.assertLessEqual(fields["allocator.allocated"], fields["allocator.active"])
            self.assertEqual(fields["allocator-fragmentation.bytes"], fields["allocator.active"] - fields["allocator.allocated"])
            self.assertEqual(fields["allocator-rss.bytes"], fields["allocator.resident"] - fields["allocator.active"])
            self.assertLessEqual(fields["startup.allocated"], fields["total.allocated"])
            # The counts by purpose on one side, the allocator's walk of every heap on the other.
            self.assertEqual(fields["allocator.allocated"], fields["total.allocated"])
            self.assertEqual((fields["overhead.db.hashtable.rehashing"], fields["db.dict.rehashing.count"]), (0, 0))
            self.assertGreater(fields["clients.normal"], 0, "(Redis looks at its clients only now and then)")
            self.check_parts(fields)
        self.assertGreater(fields["startup.allocated"], 0)

    def check_parts(self, fields: dict[str, int]) -> None:
        self.assertEqual(sum(fields[name] for name in OWN_PARTS + NAMED_PARTS), fields["total.allocated"])
        self.assertEqual(sum(fields[name] for name in RESIDENT_PARTS), fields["rss"])
        self.assertEqual((fields["remainder"], fields["allocator.difference"]), (0, 0))
        self.assertGreater(fields["rss.stacks"], 0)
        self.assertGreater(fields["rss.variables"], 0)
        self.assertGreater(fields["rss.files"], 0)

    def test_redis_py_reads_them(self) -> None:
        load(self.c, random.Random(seed()))
        for protocol in (2, 3):
            with self.server.redis(protocol=protocol) as client:
                stats = {(name.decode() if isinstance(name, bytes) else name): value for name, value in client.memory_stats().items()}
                self.assertLessEqual(set(self.names([0, 1, 5])), set(stats))
                keys = sum(client.info("keyspace")[f"db{database}"]["keys"] for database in (0, 1, 5))
                self.assertEqual(stats["keys.count"], keys)
                self.assertGreater(float(stats["dataset.percentage"]), 0)

    def test_growth_shows_where_it_is(self) -> None:
        before = self.known(self.stats())
        count, size = 5_000, 1_000
        self.c.pipeline(["SET", f"key:{index}", "x" * size] for index in range(count))
        after = self.known(self.stats())
        grown = {name: after[name].value - before[name].value for name in ("total.allocated", "dataset.bytes")}
        self.assertGreater(grown["dataset.bytes"], count * size)
        self.assertLess(grown["dataset.bytes"], count * size * 2)
        self.assertGreater(grown["total.allocated"], grown["dataset.bytes"] * 0.99)
        self.assertGreaterEqual(after["db.0"].fields()["overhead.hashtable.main"].value, count * 8)
        self.c.command("FLUSHALL")
        emptied = self.known(self.stats())
        self.assertLess(emptied["total.allocated"].value, after["total.allocated"].value - count * size)
        self.assertGreaterEqual(emptied["peak.allocated"].value, after["total.allocated"].value)

    def test_clients_are_charged(self) -> None:
        before = self.known(self.stats())["clients.normal"].value
        connections = [self.connect() for _ in range(50)]
        for c in connections:
            c.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + b"x" * 90_000)
        self.eventually(lambda: self.known(self.stats())["clients.normal"].value - before > 50 * 90_000, 20, "query buffers are not counted")
        for c in connections:
            c.close()
        self.eventually(lambda: self.known(self.stats())["clients.normal"].value - before < 50 * 90_000, 20, "they stay counted")

    def test_expiry_is_charged(self) -> None:
        self.c.pipeline(["SET", f"key:{index}", "x"] for index in range(1_000))
        without = self.known(self.stats())["db.0"].fields()
        self.assertEqual(without["overhead.hashtable.expires"].value, 0)
        self.c.pipeline(["EXPIRE", f"key:{index}", 1_000] for index in range(1_000))
        self.assertGreaterEqual(self.known(self.stats())["db.0"].fields()["overhead.hashtable.expires"].value, 8_000)


class MemoryStatsTwoShards(MemoryStats):
    SHARDS = 2


class MemoryStatsFourShards(MemoryStats):
    SHARDS = 4


class MemoryUsage(ServerTestCase):
    def usage(self, key: str, *options: object) -> int:
        reply = self.c.command("MEMORY", "USAGE", key, *options)
        self.assertEqual(reply.kind, "integer", reply)
        return reply.value

    def test_missing_key(self) -> None:
        self.assertEqual(self.c.command("MEMORY", "USAGE", "none"), Reply("null-bulk", None))
        self.assertEqual(self.connect(3).command("MEMORY", "USAGE", "none"), Reply("null", None))

    def test_every_small_key_costs_something(self) -> None:
        for value in ("", "1", "x", "12345", "x" * 40):
            self.c.command("SET", "a", value)
            self.assertTrue(0 < self.usage("a") <= SMALL_KEY_BYTES_MAX, (value, self.usage("a")))
            self.assertGreaterEqual(self.usage("a"), len(value))

    def test_grows_with_value_key_and_expiry(self) -> None:
        sizes = []
        for size in (10, 100, 1_000, 10_000, 1_000_000):
            self.c.command("SET", "a", "x" * size)
            sizes.append(self.usage("a"))
            self.assertTrue(size < sizes[-1] < size * 1.5 + SMALL_KEY_BYTES_MAX, (size, sizes[-1]))
        self.assertEqual(sizes, sorted(set(sizes)))
        self.c.command("SET", "k" * 1_000, "x")
        self.assertGreater(self.usage("k" * 1_000), 1_000)
        if self.server.is_pantala:
            # 1 + 111 bytes fill a block of 112; the 8 bytes of a time to live need the next size, 128.
            self.c.command("SET", "b", "x" * 111)
            before = self.usage("b")
            self.c.command("EXPIRE", "b", 1_000)
            self.assertEqual(self.usage("b"), before + 16, "a time to live costs its 8 bytes, in the allocator's steps")

    def test_samples(self) -> None:
        self.c.command("SET", "a", "x" * 100)
        for samples in (0, 1, 5, 10**9):
            self.assertEqual(self.usage("a", "SAMPLES", samples), self.usage("a"))
        self.assertEqual(self.usage("a", "samples", "3", "SAMPLES", "4"), self.usage("a"))

    def test_sum_of_keys_is_the_dataset(self) -> None:
        """The accounting adds up: what the keys cost is what their tables and the dataset hold."""
        self.require_pantala("Redis only estimates")
        count = 3_000
        self.c.pipeline(["SET", f"key:{index}", "x" * (index % 300), *(["EX", 1_000] if index % 3 == 0 else [])] for index in range(count))
        usage = sum(reply.value for reply in self.c.pipeline(["MEMORY", "USAGE", f"key:{index}"] for index in range(count)))
        fields = self.c.command("MEMORY", "STATS").fields()
        tables = sum(item.value for item in fields["db.0"].fields().values())
        self.assertGreater(usage, sum(len(f"key:{index}") + index % 300 for index in range(count)))
        self.assertLessEqual(usage, fields["dataset.bytes"].value + tables)
        self.assertEqual(usage, fields["keys.bytes"].value + fields["keys.slots"].value)

    def test_errors(self) -> None:
        self.c.command("SET", "a", "1")
        for arguments, error in (
            (["USAGE"], "ERR wrong number of arguments for 'memory|usage' command"),
            (["USAGE", "a", "SAMPLES"], "ERR syntax error"),
            (["USAGE", "a", "SAMPLES", "-1"], "ERR syntax error"),
            (["USAGE", "a", "SAMPLES", "abc"], "ERR value is not an integer or out of range"),
            (["USAGE", "a", "BOGUS"], "ERR syntax error"),
            (["USAGE", "a", "BOGUS", "1"], "ERR syntax error"),
            (["STATS", "x"], "ERR wrong number of arguments for 'memory|stats' command"),
            (["DOCTOR", "x"], "ERR wrong number of arguments for 'memory|doctor' command"),
            (["MALLOC-STATS", "x"], "ERR wrong number of arguments for 'memory|malloc-stats' command"),
            (["PURGE", "x"], "ERR wrong number of arguments for 'memory|purge' command"),
            (["HELP", "x"], "ERR wrong number of arguments for 'memory|help' command"),
            (["BOGUS"], "ERR unknown subcommand 'BOGUS'. Try MEMORY HELP."),
            (["bogus", "a", "b"], "ERR unknown subcommand 'bogus'. Try MEMORY HELP."),
            ([], "ERR wrong number of arguments for 'memory' command"),
        ):
            with self.subTest(arguments):
                self.assert_error(self.c.command("MEMORY", *arguments), error)


class MemoryReports(ServerTestCase):
    def test_doctor_and_malloc_stats(self) -> None:
        load(self.c, random.Random(seed()))
        for subcommand in ("DOCTOR", "MALLOC-STATS"):
            self.assertEqual(self.c.command("MEMORY", subcommand).kind, "bulk")
            reply = self.connect(3).command("MEMORY", subcommand)
            self.assertEqual((reply.kind, reply.value[:4]), ("verbatim", b"txt:"))
            self.assertGreater(len(reply.text.strip()), 20)

    def test_malloc_stats_agrees_with_the_walk(self) -> None:
        self.require_pantala("Redis prints what jemalloc says")
        load(self.c, random.Random(seed()))
        sections = self.c.command("MEMORY", "MALLOC-STATS").text.split("\n\n")[1:]
        titles = [section.splitlines()[0] for section in sections]
        self.assertEqual(titles, ["Shard 0", "Shard 1", "All shards", "Process"])
        for section in sections[:-1]:
            rows = [re.fullmatch(r"  (\S.*?) +(-?\d+)", line).groups() for line in section.splitlines()[1:]]
            names = [name for name, _ in rows]
            values = {name: int(value) for name, value in rows}
            self.assertEqual(values["difference"], 0, section)
            self.assertEqual(values["live, as counted"], sum(values[name] for name in names[: names.index("live, as counted")]))
            self.assertEqual(values["live, as the allocator walks"], values["live, as counted"])

    def test_purge(self) -> None:
        self.assert_ok(self.c.command("MEMORY", "PURGE"))
        self.c.pipeline(["SET", f"key:{index}", "x" * 1_000] for index in range(50_000))
        full = self.server.resident_bytes()
        self.c.command("FLUSHALL")
        self.assert_ok(self.c.command("MEMORY", "PURGE"))
        self.eventually(lambda: self.server.resident_bytes() < full - 20_000_000, 20, "memory is not given back")

    def test_code_is_given_back(self) -> None:
        """By MEMORY PURGE, and by a server that idles. It may have done so before, so the first look proves nothing by itself."""
        self.require_pantala("its own field")

        def use() -> int:
            self.c.pipeline([["COMMAND", "DOCS"], ["INFO", "everything"], ["MEMORY", "DOCTOR"], ["LATENCY", "DOCTOR"], ["LOLWUT"]])
            return self.c.command("MEMORY", "STATS").fields()["rss.files"].value

        used = use()
        self.assert_ok(self.c.command("MEMORY", "PURGE"))
        self.assertLess(self.c.command("MEMORY", "STATS").fields()["rss.files"].value, used)
        used = use()
        self.eventually(lambda: self.server.resident_file_bytes() < used - 1_000_000, 20, "code is not given back")

    def test_deleted_keys_give_memory_back_on_an_idle_server(self) -> None:
        self.require_pantala("Redis leaves it to jemalloc")
        self.c.pipeline(["SET", f"key:{index}", "x" * 200_000] for index in range(500))
        full = self.server.resident_bytes()
        self.c.command("DEL", *[f"key:{index}" for index in range(500)])
        self.eventually(lambda: self.server.resident_bytes() < full - 80_000_000, 20, "memory is not given back")

    def test_help(self) -> None:
        reply = self.c.command("MEMORY", "HELP")
        lines = [line.text for line in reply.value]
        self.assertEqual({line.kind for line in reply.value}, {"simple"})
        doctor = "DOCTOR [JSON]" if self.server.is_pantala else "DOCTOR"
        for subcommand in (doctor, "MALLOC-STATS", "PURGE", "STATS", "USAGE <key> [SAMPLES <count>]", "HELP"):
            self.assertIn(subcommand, lines)

    def test_redis_py(self) -> None:
        with self.server.redis() as client:
            client.set("a", "x" * 100)
            self.assertGreater(client.memory_usage("a"), 100)
            self.assertGreater(client.memory_usage("a", samples=5), 100)
            self.assertIsNone(client.memory_usage("none"))
            self.assertTrue(client.memory_purge())
            self.assertTrue(client.memory_malloc_stats())


def table(reply: Reply) -> dict[str, Any]:
    """A map with maps and arrays in it, as Python has them; RESP2's flat arrays excepted."""
    if reply.kind == "map":
        return {name: table(item) for name, item in reply.fields().items()}
    if reply.kind == "array":
        return [table(item) for item in reply.value]
    return float(reply.value) if reply.kind == "double" else reply.value if reply.kind == "integer" else reply.text


class OwnReports(ServerTestCase):
    """What no other server has. (Their replies in RESP2 are the same, flattened.)"""

    OPTIONS = {"enable-debug-command": "yes"}

    def setUp(self) -> None:
        super().setUp()
        self.require_pantala("these subcommands are its own")
        self.c3 = self.connect(3)

    def ask(self, *arguments: object) -> Any:
        reply = self.c3.command("MEMORY", *arguments)
        flat = self.c.command("MEMORY", *arguments)
        self.assertEqual((reply.kind, flat.kind, len(flat.value)), ("map", "array", 2 * len(reply.fields())))
        return table(reply)

    def test_shards_add_up(self) -> None:
        load(self.c, random.Random(seed()))
        report = self.ask("SHARDS")
        self.assertEqual([shard.pop("shard") for shard in report["shards"]], list(range(self.SHARDS)))
        for name, value in report["total"].items():
            self.assertEqual(sum(shard[name] for shard in report["shards"]), value, name)
        for shard in report["shards"]:
            self.assertEqual(sum(shard[name] for name in OWN_PARTS + NAMED_PARTS), shard["total.allocated"])
            self.assertEqual((shard["remainder"], shard["allocator.difference"]), (0, 0))
        sizes = 0
        for database in range(16):
            self.c.command("SELECT", database)
            sizes += self.c.command("DBSIZE").value
        self.assertEqual(report["total"]["keys.count"], sizes)
        for skew in report["skew"].values():
            self.assertTrue(1 <= skew["ratio"] <= self.SHARDS, skew)

    def test_usage_of_all_keys_is_a_part_of_the_tree(self) -> None:
        """Of keys of every type and size, in every database."""
        source = random.Random(seed())
        load(self.c, source)
        for database in (0, 3):
            self.c.command("SELECT", database)
            commands = []
            for index in range(6_000):
                key, member = source.randrange(30), "x" * source.choice((1, 5, 30, 100, 2_000)) + str(source.randrange(500))
                commands.append(
                    source.choice(
                        (
                            ["RPUSH", f"list:{key}", member],
                            ["LPOP", f"list:{key}"],
                            ["HSET", f"hash:{key}", member, "y" * source.randrange(200)],
                            ["HDEL", f"hash:{key}", member],
                            ["SADD", f"set:{key}", member],
                            ["SADD", f"integers:{key}", source.randrange(10_000)],
                            ["SREM", f"set:{key}", member],
                            ["ZADD", f"sorted:{key}", source.random(), member],
                            ["ZREM", f"sorted:{key}", member],
                            ["XADD", f"stream:{key}", "*", "field", member],
                            ["XTRIM", f"stream:{key}", "MAXLEN", source.randrange(50)],
                            ["XGROUP", "CREATE", f"stream:{key}", f"group:{source.randrange(9)}", "0"],
                            ["XREADGROUP", "GROUP", "group:1", f"consumer:{key}", "COUNT", 3, "STREAMS", f"stream:{key}", ">"],
                            ["EXPIRE", f"hash:{key}", 1_000],
                            ["APPEND", f"text:{key}", member],
                            ["DEL", f"{source.choice(('list', 'hash', 'set', 'sorted'))}:{key}"],
                        )
                    )
                )
            self.c.pipeline(commands)
        usage = count = 0
        for database in range(16):
            self.c.command("SELECT", database)
            keys = [reply.value for reply in self.c.command("KEYS", "*").value]
            count += len(keys)
            usage += sum(reply.value for reply in self.c.pipeline(["MEMORY", "USAGE", key] for key in keys))
        self.c.command("SELECT", 0)
        stats = self.ask("STATS")
        self.assertEqual(stats["keys.count"], count)
        self.assertEqual(stats["keys.bytes"] + stats["keys.slots"], usage)
        self.assertEqual(stats["remainder"], 0)
        self.assertEqual(self.ask("AUDIT")["differences"], 0)

    def test_skew_names_the_full_shard(self) -> None:
        self.c.command("SET", "large", "x" * 5_000_000)
        skew = self.ask("SHARDS")["skew"]["keys.bytes"]
        self.assertGreater(skew["ratio"], 1.9 if self.SHARDS == 2 else 0.99)
        shards = self.ask("SHARDS")["shards"]
        self.assertGreater(shards[skew["shard"]]["keys.bytes"], 5_000_000)

    def test_peak_tells_what_it_was(self) -> None:
        self.c.command("SET", "large", "x" * 60_000_000)
        self.c.command("DEL", "large")
        report = self.eventually(lambda: (r := self.ask("PEAK"))["now"]["dataset"] < 10_000_000 and r)
        self.assertEqual(sum(report["at.peak"].values()), report["peak.allocated"])
        self.assertEqual(sum(report["now"].values()), report["total.allocated"])
        self.assertGreater(report["at.peak"]["dataset"] + report["at.peak"]["clients.normal"], 60_000_000)
        self.assertLess(abs(report["peak.time"] - time.time()), 120)
        self.assertEqual(self.c3.command("MEMORY", "STATS").fields()["peak.allocated"].value, report["peak.allocated"])

    def test_a_peak_between_two_samples_is_seen(self) -> None:
        """A reply that is there for a moment only: the peak is looked for whenever a shard has grown, not now and then."""
        self.c.command("SETRANGE", "large", 199_999_999, "x")
        before = self.ask("PEAK")
        self.c.command("CONFIG", "SET", "hz", "1")
        self.c.command("GETRANGE", "large", "0", "-1")
        self.c.command("CONFIG", "SET", "hz", "10")
        after = self.ask("PEAK")
        self.assertGreater(after["peak.allocated"], before["total.allocated"] + 190_000_000)
        self.assertGreater(after["at.peak"]["clients.normal"], 190_000_000)

    def test_history(self) -> None:
        load(self.c, random.Random(seed()))
        report = self.ask("HISTORY")
        self.assertEqual(report["interval"], 10)
        self.assertEqual(report["columns"][:3], ["time", "total.allocated", "rss"])
        self.assertIn("dataset", report["columns"])
        self.assertGreaterEqual(len(report["rows"]), 2, "one at the start and one for now")
        for row in report["rows"]:
            self.assertEqual(len(row), len(report["columns"]))
            self.assertEqual(sum(row[3:]), row[1])
            self.assertGreater(row[2], 0)
        times = [row[0] for row in report["rows"]]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[-1] - time.time()), 120)
        self.assertEqual(len(self.ask("HISTORY", "COUNT", 1)["rows"]), 1)
        self.assertEqual(len(self.ask("HISTORY", "count", 2**63 - 1)["rows"]), len(report["rows"]))
        self.assertEqual(self.ask("HISTORY", "COUNT", 0)["rows"], [])

    def test_fragmentation(self) -> None:
        self.c.pipeline(["SET", f"key:{index}", "x" * 200] for index in range(20_000))
        before = self.ask("FRAGMENTATION")
        self.c.pipeline(["DEL", f"key:{index}"] for index in range(20_000) if index % 4)
        after = self.ask("FRAGMENTATION")
        self.assertGreater(after["wasted.bytes"], before["wasted.bytes"] + 2_000_000)
        for report in (before, after):
            self.assertEqual(report["unvisited.bytes"], 0)
            self.assertEqual([row["size"] for row in report["classes"]], sorted({row["size"] for row in report["classes"]}))
            for name in ("areas", "used.bytes", "committed.bytes", "wasted.bytes"):
                self.assertEqual(sum(row[name] for row in report["classes"]), report[name], name)
            for row in report["classes"]:
                self.assertEqual(row["committed.bytes"] - row["used.bytes"], row["wasted.bytes"])
                self.assertTrue(0 <= row["used"] <= row["blocks"], row)

    def test_audit_is_clean_whatever_clients_do(self) -> None:
        load(self.c, random.Random(seed()))
        self.c.command("SET", "big", "x" * 100_000)
        waiting, part, many, deaf, subscriber, tracker, transaction = (self.connect(3) for _ in range(7))
        waiting.send(encode("BLPOP", "none", 0))
        part.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + b"x" * 50_000)
        many.send(b"*1000\r\n" + b"$1\r\na\r\n" * 500)
        deaf.send(encode("GET", "big") * 200)
        subscriber.command("SUBSCRIBE", "a")
        tracker.command("CLIENT", "TRACKING", "ON")
        tracker.pipeline(["GET", f"key:{index}"] for index in range(500))
        transaction.pipeline([["WATCH", "a"], ["MULTI"], ["SET", "a", "b"]])
        audit = self.ask("AUDIT")
        self.assertEqual((audit["differences"], audit["difference.bytes"], audit["skipped"]), (0, 0, 0), audit)
        names = [check["check"] for check in audit["checks"]]
        for name in (
            "allocator", "tables", "dataset", "clients.normal", "statistics", "subscriptions", "tracking", "keys.count", "keys.bytes",
            "keys.elements",
        ):  # fmt: skip
            self.assertEqual(names.count(name), self.SHARDS, name)
        found = {name: sum(check["found"] for check in audit["checks"] if check["check"] == name) for name in names}
        for name in ("clients.normal", "subscriptions", "tracking", "tables"):
            self.assertGreater(found[name], 0, name)

    def test_audit_counts_the_keys_while_they_change(self) -> None:
        source = random.Random(seed())
        self.c.command("DEBUG", "POPULATE", 200_000, "many", 20)
        writer, auditor = self.connect(), self.connect(3)
        for _ in range(4):
            auditor.send(encode("MEMORY", "AUDIT"))
            load(writer, source)
            for database in (1, 5):
                writer.command("SELECT", database)
                writer.command("FLUSHDB")
            audit = table(auditor.read_reply())
            self.assertEqual(audit["differences"], 0, audit)
            self.assertLess(audit["longest.slice.usec"], 100_000, "a millisecond, on a machine that does nothing else")
        quiet = self.ask("AUDIT")
        self.assertEqual((quiet["differences"], quiet["skipped"]), (0, 0), quiet)
        found = {check["check"]: 0 for check in quiet["checks"]}
        for check in quiet["checks"]:
            found[check["check"]] += check["found"]
        self.assertEqual(found["keys.count"], quiet["keys"])
        self.assertEqual(found["keys.bytes"], found["dataset"])
        self.assertEqual(self.ask("STATS")["keys.count"], quiet["keys"])

    def test_flushes_wait_for_the_memory_or_not(self) -> None:
        empty = int(self.server.info("memory")["used_memory"])
        for arguments, waits in ((["FLUSHALL"], True), (["FLUSHDB", "SYNC"], True), (["FLUSHALL", "ASYNC"], False)):
            with self.subTest(arguments):
                self.c.pipeline(["SET", f"key:{number}", "x" * 40] for number in range(200_000))
                self.c.pipeline(["SADD", "set", *range(number, number + 1_000)] for number in range(0, 50_000, 1_000))
                freed = int(self.server.info("memory")["lazyfreed_objects"])
                self.assert_ok(self.c.command(*arguments))
                memory = self.server.info("memory")
                if waits:
                    self.assertEqual(memory["lazyfree_pending_objects"], "0")
                    self.assertLess(int(memory["used_memory"]), empty + (1 << 20))
                    self.assertEqual(int(memory["lazyfreed_objects"]) - freed, 200_001)
                self.eventually(lambda: self.server.info("memory")["lazyfree_pending_objects"] == "0")
                self.assertEqual(int(self.server.info("memory")["lazyfreed_objects"]) - freed, 200_001)
        self.c.command("CONFIG", "SET", "lazyfree-lazy-user-flush", "yes")
        self.assertEqual(self.c.command("CONFIG", "GET", "lazyfree-lazy-user-flush").value[1].text, "yes")
        self.assert_ok(self.c.command("FLUSHALL"))
        self.c.command("CONFIG", "SET", "lazyfree-lazy-user-flush", "no")
        self.c.command("CONFIG", "RESETSTAT")
        self.assertEqual(self.server.info("memory")["lazyfreed_objects"], "0")

    def test_audit_survives_swapped_databases(self) -> None:
        self.c.command("DEBUG", "POPULATE", 100_000)
        auditor = self.connect(3)
        auditor.send(encode("MEMORY", "AUDIT"))
        for _ in range(3):
            self.c.command("SWAPDB", 0, 9)
        audit = table(auditor.read_reply())
        self.assertEqual((audit["differences"], audit["skipped"]), (0, 0), audit)

    def test_audit_ends_when_its_client_leaves(self) -> None:
        self.c.command("DEBUG", "POPULATE", 300_000)
        for _ in range(5):
            leaving = self.server.connect()
            leaving.send(encode("MEMORY", "AUDIT"))
            leaving.close()
        # Else its count would be in the way of others for ever.
        self.eventually(lambda: self.ask("AUDIT")["skipped"] == 0)
        self.assertEqual(self.ask("AUDIT")["differences"], 0)

    def test_doctor_for_programs(self) -> None:
        load(self.c, random.Random(seed()))
        for c in (self.c, self.c3):
            reply = c.command("MEMORY", "DOCTOR", "JSON")
            self.assertEqual(reply.kind, "bulk")
            report = json.loads(reply.value)
            self.assertEqual(report["problems"], len(report["findings"]))
        self.c.command("CONFIG", "SET", "maxmemory", report["total.allocated"] + 100_000)
        report = json.loads(self.c.command("MEMORY", "DOCTOR", "json").value)
        self.c.command("CONFIG", "SET", "maxmemory", 0)
        finding = report["findings"][0]
        self.assertEqual(set(finding), {"id", "title", "evidence", "remedy", "figures"})
        self.assertEqual(finding["id"], "memory-full")
        self.assertEqual(set(finding["figures"]), {"maxmemory.counted", "total.allocated", "maxmemory"})

    def test_errors(self) -> None:
        for arguments, error in (
            (["AUDIT", "x"], "ERR wrong number of arguments for 'memory|audit' command"),
            (["DOCTOR", "JSON", "x"], "ERR wrong number of arguments for 'memory|doctor' command"),
            (["SHARDS", "x"], "ERR wrong number of arguments for 'memory|shards' command"),
            (["PEAK", "x"], "ERR wrong number of arguments for 'memory|peak' command"),
            (["FRAGMENTATION", "x"], "ERR wrong number of arguments for 'memory|fragmentation' command"),
            (["HISTORY", "COUNT"], "ERR syntax error"),
            (["HISTORY", "BOGUS", "1"], "ERR syntax error"),
            (["HISTORY", "COUNT", "1", "2"], "ERR syntax error"),
            (["HISTORY", "COUNT", "abc"], "ERR value is not an integer or out of range"),
            (["HISTORY", "COUNT", str(2**63)], "ERR value is not an integer or out of range"),
            (["HISTORY", "COUNT", "-1"], "ERR value is out of range, must be positive"),
        ):
            with self.subTest(arguments):
                self.assert_error(self.c.command("MEMORY", *arguments), error)


class OwnReportsOneShard(OwnReports):
    SHARDS = 1
