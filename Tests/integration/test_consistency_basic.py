"""Commands over several shards, alone and in a crowd.

Alone: each does what it does on one shard. In a crowd: no reply is lost, doubled or out of order, nothing hangs, and
what remains is what some order of the commands leaves. (Strict serializability is another suite's.)
"""

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import redis.asyncio

from resp import Connection, Reply
from server import ServerTestCase, seed

KEYS = [f"key:{index}" for index in range(64)]
THREADS = 8
ROUNDS = 200
PIPELINES = 30
PIPELINE_DEPTH = 200
HANG_SECONDS = 60.0


class Alone(ServerTestCase):
    SHARDS = 4

    def test_mset_and_mget_keep_the_order_of_the_keys(self) -> None:
        self.assert_ok(self.c.command("MSET", *[word for key in KEYS for word in (key, key.upper())]))
        mixed = KEYS[::-1] + ["none"] + KEYS[::3] * 2
        values = [item.value for item in self.c.command("MGET", *mixed).value]
        self.assertEqual(values, [None if key == "none" else key.upper().encode() for key in mixed])

    def test_the_last_of_equal_keys_wins(self) -> None:
        self.c.command("MSET", "a", "1", "b", "1", "a", "2")
        self.assertEqual(self.c.command("GET", "a").value, b"2")
        self.assertEqual(self.c.command("EXISTS", "a", "a", "b", "none").value, 3)
        self.assertEqual(self.c.command("DEL", "a", "a", "b").value, 2)

    def test_msetnx_sets_all_or_nothing(self) -> None:
        for existing in KEYS[::7]:
            self.c.command("FLUSHALL")
            self.c.command("SET", existing, "old")
            pairs = [word for key in KEYS for word in (key, "new")]
            self.assertEqual(self.c.command("MSETNX", *pairs).value, 0)
            self.assertEqual((self.c.command("DBSIZE").value, self.c.command("GET", existing).value), (1, b"old"))
            self.c.command("DEL", existing)
            self.assertEqual(self.c.command("MSETNX", *pairs).value, 1)
            self.assertEqual(self.c.command("DBSIZE").value, len(KEYS))

    def test_rename_and_copy_between_all_shards(self) -> None:
        for source in KEYS[:12]:
            for target in KEYS[:12]:
                self.c.command("FLUSHALL")
                self.c.pipeline([["SET", source, source, "EX", 1_000], ["SET", "other", "x"]])
                self.assert_ok(self.c.command("RENAME", source, target))
                self.assertEqual(self.c.command("GET", target).value, source.encode())
                self.assertGreater(self.c.command("TTL", target).value, 900)
                self.assertEqual(self.c.command("DBSIZE").value, 2)
                copied = self.c.command("COPY", target, source)
                if source == target:
                    self.assert_error(copied, "ERR source and destination objects are the same")
                    continue
                self.assertEqual(copied, Reply("integer", 1))
                self.assertEqual(self.c.command("COPY", target, source), Reply("integer", 0))
                self.assertEqual(self.c.command("COPY", "other", source, "REPLACE"), Reply("integer", 1))
                self.assertEqual(self.c.command("RENAMENX", source, target), Reply("integer", 0))
                self.assertEqual(self.c.command("MGET", source, target).python(), [b"x", source.encode()])
                self.assertEqual(self.c.command("TTL", source).value, -1, "COPY takes the expiry of its source, here none")

    def test_lcs_of_keys_on_different_shards(self) -> None:
        for other in KEYS:
            self.c.command("MSET", "a", "ohmytext", other, "mynewtext")
            self.assertEqual(self.c.command("LCS", "a", other).value, b"mytext")

    def test_flush_and_counts_cover_every_shard(self) -> None:
        for flush in (["FLUSHDB"], ["FLUSHALL"], ["FLUSHALL", "ASYNC"], ["FLUSHDB", "SYNC"]):
            self.c.command("MSET", *[word for key in KEYS for word in (key, "x")])
            self.assertEqual(self.c.command("DBSIZE").value, len(KEYS))
            self.assertEqual(len(self.c.command("KEYS", "*").value), len(KEYS))
            self.assertEqual(self.c.command("TOUCH", *KEYS, "none").value, len(KEYS))
            self.assert_ok(self.c.command(*flush))
            self.assertEqual((self.c.command("DBSIZE").value, self.c.command("KEYS", "*").value), (0, ()))


class Crowd(ServerTestCase):
    SHARDS = 4

    def in_threads(self, work) -> None:
        """Runs work(connection, random source, number) in all threads; a thread that hangs fails the test."""
        start_seed = seed()
        print(f"seed {start_seed}")

        def run(number: int) -> None:
            with self.server.connect(timeout=HANG_SECONDS) as c:
                barrier.wait()
                work(c, random.Random(start_seed + number), number)

        barrier = threading.Barrier(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            for future in [pool.submit(run, number) for number in range(THREADS)]:
                future.result(HANG_SECONDS)

    def test_counters_lose_nothing(self) -> None:
        def work(c: Connection, random_source: random.Random, _: int) -> None:
            for _ in range(PIPELINES):
                replies = c.pipeline(["INCR", key] for key in KEYS)
                assert all(reply.kind == "integer" for reply in replies)

        self.in_threads(work)
        self.assertEqual([int(item.value) for item in self.c.command("MGET", *KEYS).value], [THREADS * PIPELINES] * len(KEYS))

    def test_everyone_writes_the_same_keys(self) -> None:
        """Whoever is last has written all of them."""

        def work(c: Connection, random_source: random.Random, number: int) -> None:
            for turn in range(ROUNDS):
                keys = random_source.sample(KEYS, len(KEYS))
                assert c.command("MSET", *[word for key in keys for word in (key, f"{number}:{turn}")]).value == b"OK"

        self.in_threads(work)
        values = {item.value for item in self.c.command("MGET", *KEYS).value}
        self.assertEqual(len(values), 1, f"no order of the MSETs leaves {values}")

    def test_msetnx_has_one_winner(self) -> None:
        wins: list[int] = []

        def work(c: Connection, random_source: random.Random, number: int) -> None:
            for turn in range(ROUNDS):
                # One key, and so one shard: over several shards MSETNX is not isolated yet.
                if c.command("MSETNX", f"shared:{turn}", number).value:
                    wins.append(turn)

        self.in_threads(work)
        self.assertEqual(sorted(wins), list(range(ROUNDS)))

    def test_a_key_renamed_around_is_neither_lost_nor_doubled(self) -> None:
        places = [f"place:{index}" for index in range(16)]
        self.c.command("SET", places[0], "the one")
        moved = [0] * THREADS

        def work(c: Connection, random_source: random.Random, number: int) -> None:
            for _ in range(ROUNDS):
                reply = c.command("RENAMENX", *random_source.sample(places, 2))
                assert reply in (Reply("integer", 1), Reply("integer", 0), Reply("error", b"ERR no such key")), reply
                moved[number] += reply.value == 1

        self.in_threads(work)
        self.assertEqual(self.c.command("EXISTS", *places).value, 1)
        self.assertEqual(self.c.command("DBSIZE").value, 1)
        self.assertGreater(sum(moved), 0)

    def test_deleted_once(self) -> None:
        """Of many that delete the same keys, each key is counted by one."""
        self.c.command("MSET", *[word for index in range(2_000) for word in (f"gone:{index}", "x")])
        deleted = [0] * THREADS

        def work(c: Connection, random_source: random.Random, number: int) -> None:
            indices = random_source.sample(range(2_000), 2_000)
            for start in range(0, 2_000, 20):
                command = random_source.choice(("DEL", "UNLINK"))
                deleted[number] += c.command(command, *[f"gone:{index}" for index in indices[start : start + 20]]).value

        self.in_threads(work)
        self.assertEqual((sum(deleted), self.c.command("DBSIZE").value), (2_000, 0))

    def test_pipelines_of_everything_answer_in_order(self) -> None:
        """Each reply is recognisable by what surrounds it: a mark before and after each command."""

        def work(c: Connection, random_source: random.Random, number: int) -> None:
            for turn in range(PIPELINES):
                commands = [self.random_command(random_source, number) for _ in range(PIPELINE_DEPTH)]
                marked = [command for index, each in enumerate(commands) for command in (["ECHO", f"{number}:{turn}:{index}"], each)]
                replies = c.pipeline(marked)
                marks = [reply.text for reply in replies[::2]]
                assert marks == [f"{number}:{turn}:{index}" for index in range(PIPELINE_DEPTH)], "replies out of order"
                for command, reply in zip(commands, replies[1::2]):
                    assert reply.kind in EXPECTED_KINDS[command[0]], (command, reply)
                own = [reply for command, reply in zip(commands, replies[1::2]) if command[0] == "GETSET"]
                assert all(reply.is_null or reply.text == str(number) for reply in own), "another client wrote this key"

        self.in_threads(work)
        self.assertFalse(self.connect().has_input(0.05))
        self.assertEqual(self.c.command("DBSIZE").value, len(self.c.command("KEYS", "*").value))

    @staticmethod
    def random_command(random_source: random.Random, number: int) -> list[object]:
        keys = random_source.sample(KEYS, random_source.randint(2, 6))
        command = random_source.choice(list(EXPECTED_KINDS))
        if command in ("MSET", "MSETNX"):
            return [command, *[word for key in keys for word in (key, random_source.randint(0, 9))]]
        if command in ("RENAME", "COPY"):
            return [command, *keys[:2]]
        if command == "GETSET":
            return [command, f"own:{number}", number]
        if command == "DBSIZE":
            return [command]
        return [command, *keys]

    def test_asyncio_clients(self) -> None:
        """Many tasks over a pool of connections: every task reads what it alone wrote."""

        async def task(client: redis.asyncio.Redis, number: int) -> None:
            names = [f"{number}:{key}" for key in KEYS[:10]]
            for turn in range(20):
                await client.mset({name: turn for name in names})
                assert await client.mget(names) == [b"%d" % turn] * len(names)
                assert await client.delete(*names[:5]) == 5
                assert await client.exists(*names) == 5
                await client.rename(names[5], names[0])
                assert await client.get(names[0]) == b"%d" % turn

        async def main() -> None:
            pool = redis.asyncio.BlockingConnectionPool(host="127.0.0.1", port=self.server.port, max_connections=20, timeout=HANG_SECONDS, protocol=3)
            client = redis.asyncio.Redis(connection_pool=pool)
            await asyncio.wait_for(asyncio.gather(*(task(client, number) for number in range(50))), HANG_SECONDS)
            await client.aclose()
            await pool.disconnect()

        asyncio.run(main())


EXPECTED_KINDS = {
    "MSET": ("simple",), "MGET": ("array",), "DEL": ("integer",), "MSETNX": ("integer",), "RENAME": ("simple", "error"),
    "COPY": ("integer",), "EXISTS": ("integer",), "UNLINK": ("integer",), "GETSET": ("bulk", "null-bulk"), "TOUCH": ("integer",),
    "DBSIZE": ("integer",),
}  # fmt: skip
