"""MEMORY TYPES, TOP, PREFIX and WALKS: what the keys hold, by type, size and name, beside what MEMORY USAGE says of each."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from resp import Connection, Reply
from server import ServerTestCase, seed

TYPES = ["string", "list", "hash", "set", "zset", "stream"]
# How often an audit is begun until one is stopped before it is over.
ATTEMPTS = 50
PREFIXES = ["user:", "session:", "cache:page:", "cache:part:", "q-", ""]


def plain(reply: Reply) -> Any:
    """A reply as Python's own values; maps of RESP3 as dictionaries, texts as str."""
    value = reply.value
    if reply.kind == "map":
        return {plain(name): plain(item) for name, item in reply.pairs()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def load(c: Connection, random_source: random.Random, count: int = 3_000, databases: tuple[int, ...] = (0, 3)) -> None:
    """Keys of every type and size, created, changed, renamed and removed."""
    for database in databases:
        commands: list[list[object]] = [["SELECT", database]]
        for _ in range(count):
            key = f"{random_source.choice(PREFIXES)}{random_source.randrange(count // 3)}"
            many = random_source.choice((1, 5, 60, 400))
            commands += random_source.choice(
                [
                    [["SET", key, "x" * random_source.choice((0, 5, 60, 900, 20_000))]],
                    [["DEL", key], ["RPUSH", key, *(f"element {n}" for n in range(many))]],
                    [["DEL", key], ["HSET", key, *(n for n in range(2 * many))]],
                    [["DEL", key], ["SADD", key, *(f"{n}" * (n % 9) for n in range(many))]],
                    [["DEL", key], ["ZADD", key, *(n for n in range(2 * many))]],
                    [["DEL", key], *(["XADD", key, "*", "field", n] for n in range(min(many, 60))), ["XGROUP", "CREATE", key, "g", "0"]],
                    [["APPEND", key, "y" * 100], ["LPOP", key, 3], ["SREM", key, "1"], ["ZREMRANGEBYRANK", key, 0, 10]],
                    [["EXPIRE", key, 10_000], ["PERSIST", key]],
                    [["RENAME", key, f"user:{random_source.randrange(count)}"]],
                    [["COPY", key, f"session:{random_source.randrange(count)}", "REPLACE"]],
                    [["MOVE", key, 3 - database]],
                    [["DEL", key]],
                ]
            )
        c.pipeline(commands)
    c.command("SELECT", 0)


class MemoryKeys(ServerTestCase):
    SHARDS = 1

    def setUp(self) -> None:
        super().setUp()
        self.require_pantala("Redis does not have it")
        self.c3 = self.connect(3)

    def ask(self, *arguments: object) -> Any:
        reply = self.c3.command("MEMORY", *arguments)
        self.assertNotEqual(reply.kind, "error", reply)
        return plain(reply)

    def keys(self, databases: tuple[int, ...] = (0, 3)) -> list[tuple[int, str, str, int]]:
        """Database, name, type and MEMORY USAGE of every key."""
        found = []
        for database in databases:
            self.c.command("SELECT", database)
            names = plain(self.c.command("KEYS", "*"))
            types = self.c.pipeline(["TYPE", name] for name in names)
            sizes = self.c.pipeline(["MEMORY", "USAGE", name] for name in names)
            found += [(database, name, plain(kind), size.value) for name, kind, size in zip(names, types, sizes)]
        self.c.command("SELECT", 0)
        return found

    def test_types_are_the_sums_of_the_keys(self) -> None:
        load(self.c, random.Random(seed()))
        keys = self.keys()
        types = self.ask("TYPES")
        self.assertEqual(list(types), ["total", "db.0", "db.3", "removed.bytes"])
        for name, chosen in (("total", (0, 3)), ("db.0", (0,)), ("db.3", (3,))):
            self.assertEqual(list(types[name]), TYPES)
            for kind in TYPES:
                sizes = [size for database, _, each, size in keys if database in chosen and each == kind]
                self.assertEqual((types[name][kind]["keys"], types[name][kind]["bytes"]), (len(sizes), sum(sizes)), (name, kind))
        self.assertEqual(self.ask("TYPES", "DB", 3)["db.3"], types["db.3"])
        self.c.command("SWAPDB", 0, 3)
        swapped = self.ask("TYPES")
        self.assertEqual((swapped["db.0"], swapped["db.3"]), (types["db.3"], types["db.0"]))
        self.c.command("FLUSHALL")
        self.eventually(lambda: self.ask("TYPES")["removed.bytes"] == 0, 20, "removed values are not freed")
        self.assertEqual({usage["bytes"] for usage in self.ask("TYPES")["total"].values()}, {0})

    def test_elements(self) -> None:
        self.c.command("RPUSH", "l", *range(1_000))
        self.c.command("LPOP", "l", 10)
        self.c.command("HSET", "h", "a", 1, "b", 2)
        self.c.command("SADD", "s", *range(700))
        self.c.command("SPOP", "s", 699)
        self.c.command("ZADD", "z", 1, "a", 2, "b", 3, "c")
        self.c.pipeline(["XADD", "x", "*", "a", 1] for _ in range(7))
        self.c.command("SET", "a", 1)
        elements = {name: usage["elements"] for name, usage in self.ask("TYPES")["total"].items()}
        self.assertEqual(elements, {"string": 1, "list": 990, "hash": 2, "set": 1, "zset": 3, "stream": 7})

    def test_top_has_the_largest_keys(self) -> None:
        load(self.c, random.Random(seed()))
        keys = sorted(self.keys(), key=lambda key: -key[3])
        for count in (1, 10, 100):
            top = self.ask("TOP", "COUNT", count)
            self.assertEqual([row["bytes"] for row in top], [size for *_, size in keys[:count]])
        sizes = {(database, name): (kind, size) for database, name, kind, size in keys}
        for row in top:
            self.assertEqual((row["type"], row["bytes"]), sizes[row["db"], row["key"]])
        for kind in TYPES:
            top = self.ask("TOP", "TYPE", kind, "DB", 3, "COUNT", 5)
            self.assertEqual([row["bytes"] for row in top], [size for database, _, each, size in keys if database == 3 and each == kind][:5])
        top = self.ask("TOP", "MATCH", "cache:*", "COUNT", 7)
        self.assertEqual([row["bytes"] for row in top], [size for _, name, _, size in keys if name.startswith("cache:")][:7])

    def test_top_among_many_keys_while_they_change(self) -> None:
        """More keys than can be walked through for each question."""
        source = random.Random(seed())
        count = 30_000
        sizes = {f"k{n}": source.randrange(2_000) for n in range(count)}
        self.c.pipeline(["SET", name, "x" * size] for name, size in sizes.items())
        expected = lambda: sorted((reply.value for reply in self.c.pipeline(["MEMORY", "USAGE", name] for name in sizes)), reverse=True)  # noqa: E731
        self.assertEqual([row["bytes"] for row in self.ask("TOP", "COUNT", 200)], expected()[:200])
        # The largest of all go, more than are kept in view; the sweep finds those that come after them.
        gone = [name for name, size in sizes.items() if size > 1_500]
        self.c.pipeline(["DEL", name] for name in gone)
        for name in gone:
            del sizes[name]
        wanted = expected()[:200]
        self.eventually(lambda: [row["bytes"] for row in self.ask("TOP", "COUNT", 200)] == wanted, 60, "the largest keys are not found anew")
        # One grows beyond all others.
        self.c.command("APPEND", "k1" if "k1" in sizes else next(iter(sizes)), "y" * 5_000)
        self.assertGreater(self.ask("TOP", "COUNT", 1)[0]["bytes"], 5_000)

    def sums(self, separator: str, depth: int, databases: tuple[int, ...] = (0, 3)) -> dict[str, tuple[int, int]]:
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for _, name, _, size in self.keys(databases):
            parts = name.split(separator)[:-1][:depth]
            row = found["".join(part + separator for part in parts)]
            row[0] += 1
            row[1] += size
        return {prefix: (keys, size) for prefix, (keys, size) in found.items()}

    def check_exact(self, reply: dict[str, Any], sums: dict[str, tuple[int, int]]) -> None:
        self.assertEqual(reply["exact"], 1)
        self.assertEqual(reply["keys"], sum(keys for keys, _ in sums.values()))
        self.assertEqual(reply["bytes"], sum(size for _, size in sums.values()))
        listed = {row["prefix"]: (row["keys"], row["bytes"]) for row in reply["prefixes"]}
        self.assertEqual(listed, {prefix: sums[prefix] for prefix in listed})
        self.assertEqual([row["bytes"] for row in reply["prefixes"]], sorted((size for _, size in sums.values()), reverse=True)[: len(listed)])
        self.assertEqual(reply["other.bytes"], reply["bytes"] - sum(size for _, size in listed.values()))

    def test_prefixes_of_few_keys_are_exact(self) -> None:
        load(self.c, random.Random(seed()))
        for separator, depth in ((":", 1), (":", 2), (":", 5), ("-", 1), ("e:", 1), ("zz", 3)):
            sums = self.sums(separator, depth)
            for exact in ([], ["EXACT"]):
                self.check_exact(self.ask("PREFIX", "SEPARATOR", separator, "DEPTH", depth, *exact), sums)
        self.check_exact(self.ask("PREFIX", "DB", 3, "COUNT", 2), self.sums(":", 1, (3,)))

    def test_prefixes_of_many_keys_are_estimated_well(self) -> None:
        sizes = {"small": 20, "middle": 300, "large": 5_000}
        counts = {"small": 60_000, "middle": 30_000, "large": 1_500}
        for name, count in counts.items():
            self.c.pipeline(["SET", f"{name}:{n}", "x" * sizes[name]] for n in range(count))
        exact = {row["prefix"]: row for row in self.ask("PREFIX", "EXACT")["prefixes"]}
        reply = self.ask("PREFIX")
        self.assertEqual(reply["keys"], sum(counts.values()))
        for row in reply["prefixes"]:
            truth = exact[row["prefix"]]
            self.assertLess(abs(row["bytes"] - truth["bytes"]), 0.25 * truth["bytes"], (row, truth))
            self.assertLess(abs(row["keys"] - truth["keys"]), 0.25 * truth["keys"], (row, truth))
        self.assertEqual([row["prefix"] for row in reply["prefixes"]], ["middle:", "large:", "small:"])

    def test_more_prefixes_than_there_is_room_for(self) -> None:
        self.c.pipeline(["SET", f"{n}:x", "y"] for n in range(80_000))
        reply = self.ask("PREFIX", "EXACT", "COUNT", 10**12)
        self.assertEqual((reply["keys"], reply["visited.keys"], len(reply["prefixes"])), (80_000, 80_000, 1_000))
        self.assertEqual(reply["other.keys"], 79_000)

    def watch(self, *arguments: object) -> tuple[Callable[[], Any], list[Any]]:
        """Begins a walk; what waits for its answer, and the walks that were under way before it came."""
        replies: list[Any] = []
        asking = self.connect(3)
        thread = threading.Thread(target=lambda: replies.append(plain(asking.command("MEMORY", *arguments))))
        thread.start()
        walks: list[Any] = []
        while thread.is_alive() and not walks:
            walks = self.ask("WALKS")

        def answer() -> Any:
            thread.join()
            return replies[0]

        return answer, walks

    def test_a_walk_is_visible_and_can_be_stopped(self) -> None:
        self.c.pipeline(["SET", f"key:{n}", "y"] for n in range(400_000))
        answer, walks = self.watch("PREFIX", "EXACT")
        if walks:
            self.assertEqual(walks[0]["command"], "memory|prefix")
            self.assertTrue(0 <= walks[0]["visited.keys"] <= walks[0]["keys"] == 400_000)
            self.c.command("MEMORY", "WALKS", "STOP", walks[0]["id"])
        reply = answer()
        self.assertEqual(self.ask("WALKS"), [])
        self.assertIn(reply["exact"], (0, 1))
        self.assertEqual(reply["exact"], int(reply["visited.keys"] == 400_000))

    def test_an_audit_is_visible_and_can_be_stopped(self) -> None:
        self.c.pipeline(["SET", f"key:{n}", "y"] for n in range(400_000))
        excuses: list[str] = []
        for _ in range(ATTEMPTS):
            answer, walks = self.watch("AUDIT")
            if walks:
                self.assertEqual((walks[0]["command"], walks[0]["keys"]), ("memory|audit", 400_000))
                self.c.command("MEMORY", "WALKS", "STOP", walks[0]["id"])
            audit = answer()
            self.assertEqual(audit["differences"], 0, audit)
            excuses = [check["skipped"] for check in audit["checks"] if check["check"] == "keys"]
            if excuses:
                break
        self.assertEqual(excuses, ["it was stopped"] * self.SHARDS)
        self.assertEqual(self.ask("WALKS"), [])
        self.assertEqual(self.ask("AUDIT")["skipped"], 0)

    def test_replies_of_both_protocols(self) -> None:
        self.c.command("SET", "user:1", "x")
        for arguments, size in ((["TYPES"], 6), (["PREFIX"], 14)):
            self.assertEqual(self.c3.command("MEMORY", *arguments).kind, "map")
            reply = self.c.command("MEMORY", *arguments)
            self.assertEqual((reply.kind, len(reply.value)), ("array", size))
        self.assertEqual(len(self.c.command("MEMORY", "TOP").value[0].value), 12)

    def test_errors(self) -> None:
        integer, syntax = "ERR value is not an integer or out of range", "ERR syntax error"
        for arguments, error in (
            (["TYPES", "x"], syntax),
            (["TYPES", "DB"], syntax),
            (["TYPES", "DB", "x"], integer),
            (["TYPES", "DB", "16"], "ERR DB index is out of range"),
            (["TYPES", "DB", "-1"], "ERR DB index is out of range"),
            (["TOP", "COUNT"], syntax),
            (["TOP", "COUNT", "0"], syntax),
            (["TOP", "COUNT", "-5"], syntax),
            (["TOP", "COUNT", "1" * 30], integer),
            (["TOP", "TYPE", "none"], "ERR unknown type name"),
            (["TOP", "DB", "99"], "ERR DB index is out of range"),
            (["TOP", "BOGUS", "1"], syntax),
            (["PREFIX", "BOGUS"], syntax),
            (["PREFIX", "DEPTH", "0"], syntax),
            (["PREFIX", "DEPTH", "x"], integer),
            (["PREFIX", "COUNT", "0"], syntax),
            (["PREFIX", "SEPARATOR", ""], "ERR SEPARATOR must have between 1 and 64 bytes"),
            (["PREFIX", "SEPARATOR", "x" * 65], "ERR SEPARATOR must have between 1 and 64 bytes"),
            (["PREFIX", "EXACT", "SEPARATOR"], syntax),
            (["WALKS", "STOP"], syntax),
            (["WALKS", "STOP", "x"], integer),
            (["WALKS", "STOP", "7"], "ERR No such walk"),
        ):
            with self.subTest(arguments):
                self.assert_error(self.c.command("MEMORY", *arguments), error)
        # A pattern for which many matchers need forever.
        self.c.command("SET", "a" * 2_000, "x")
        self.assertEqual(self.ask("TOP", "MATCH", "a*" * 500 + "b"), [])
        self.assert_error(self.c.command("MEMORY", "TOP", "MATCH", "a*" * 5_000 + "b"), "ERR the pattern takes too long to match")
        self.assertEqual(len(self.ask("TOP", "COUNT", 2**63 - 1)), 1)
        self.c.pipeline([["MULTI"], ["MEMORY", "PREFIX", "EXACT"], ["MEMORY", "TYPES"]])
        replies = self.c.command("EXEC").value
        self.assertEqual([reply.kind for reply in replies], ["error", "array"])


class MemoryKeysTwoShards(MemoryKeys):
    SHARDS = 2
