"""maxmemory: what goes when memory is full, what stays, and who is told."""

from __future__ import annotations

import threading
import time
import unittest

from resp import Reply
from server import Server, ServerTestCase

OOM = "OOM command not allowed when used memory > 'maxmemory'."
ROOM_BYTES = 4 << 20
VALUE = "x" * 200
BATCH = 500
POLICIES = [
    "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
]  # fmt: skip
SETTLED_BYTES = 16 << 10
SETTLING_SECONDS = 0.03
# What a storm of writes may add to the limit.
STORM_LIMIT_BYTES = 32 << 20
STORM_CONNECTIONS = 6
STORM_KEYS = 60_000
STORM_BATCH = 50


def limit(server: Server, room: int = ROOM_BYTES) -> int:
    """Sets a limit so far above what is used."""
    with server.connect() as c:
        # What FLUSHALL removed is freed in slices.
        before, used = 0, -2 * SETTLED_BYTES
        while abs(used - before) > SETTLED_BYTES:
            time.sleep(SETTLING_SECONDS)
            before, used = used, int(server.info("memory")["used_memory"])
        assert c.command("CONFIG", "SET", "maxmemory", used + room) == Reply("simple", b"OK")
    return used + room


class EvictionCase(ServerTestCase):
    POLICY = "noeviction"

    def setUp(self) -> None:
        super().setUp()
        self.c.command("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", self.POLICY, "notify-keyspace-events", "")
        self.c.command("CONFIG", "RESETSTAT")

    def evicted(self) -> int:
        return int(self.server.info("stats")["evicted_keys"])

    def assert_full(self, reply: Reply) -> None:
        self.assertTrue(reply.is_error and reply.text.startswith(OOM), reply)

    def fill(self, prefix: str, batches: int, *options: object) -> int:
        """Writes keys; returns how many writes were refused."""
        refused = 0
        for batch in range(batches):
            commands = [["SET", f"{prefix}:{batch * BATCH + index}", VALUE, *options] for index in range(BATCH)]
            refused += sum(reply.is_error for reply in self.c.pipeline(commands))
        return refused

    def assert_within(self, maximum: int) -> None:
        self.assertLessEqual(int(self.server.info("memory")["used_memory"]), maximum * 1.01 + (1 << 20))


class Policies(EvictionCase):
    def test_all_policies_hold_the_limit(self) -> None:
        for policy in POLICIES:
            with self.subTest(policy):
                self.setUp()
                self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory-policy", policy))
                maximum = limit(self.server)
                self.assertEqual(self.fill("k", 100, "EX", "10000"), 0)
                self.assert_within(maximum)
                self.assertEqual(self.evicted() + self.c.command("DBSIZE").value, 100 * BATCH)
                self.assertGreater(self.c.command("DBSIZE").value, ROOM_BYTES // 400)
                info = self.server.info("memory")
                self.assertEqual((info["maxmemory"], info["maxmemory_policy"]), (str(maximum), policy))

    def test_a_calm_server_stays_below_what_it_shows(self) -> None:
        """One client that asks for used_memory after each write sees it below the limit, but for what its own call takes."""
        for policy in POLICIES:
            with self.subTest(policy):
                self.setUp()
                maximum = int(self.server.info("memory")["used_memory"]) + (100 << 10)
                self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory", maximum, "maxmemory-policy", policy))
                for index in range(1_500):
                    self.c.pipeline([["SETRANGE", f"k:{index}", 100, "x"], ["EXPIRE", f"k:{index}", 10_000]])
                    if index > 500 and index % 20 == 0:
                        self.assertLess(int(self.server.info("memory")["used_memory"]), maximum + 2 * SETTLED_BYTES)
                self.assertGreater(self.evicted(), 100)

    def test_volatile_policies_leave_other_keys_alone(self) -> None:
        for policy in [policy for policy in POLICIES if policy.startswith("volatile")]:
            with self.subTest(policy):
                self.setUp()
                self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory-policy", policy))
                limit(self.server)
                self.assertEqual(self.fill("stays", 8), 0)
                self.assertEqual(self.fill("goes", 60, "EX", "10000"), 0)
                self.assertGreater(self.evicted(), 0)
                self.assertEqual(self.c.command("EXISTS", *[f"stays:{index}" for index in range(8 * BATCH)]).value, 8 * BATCH)
                # Now only what may not go, until nothing is left that may.
                self.assertGreater(self.fill("more", 60), 0)
                # A little room may have come back since.
                last = (self.c.command("SET", f"last:{index}", VALUE) for index in range(BATCH))
                refusal = next(reply for reply in last if reply.is_error)
                self.assert_full(refusal)
                self.assertIn("expiry time", refusal.text)
                self.assertIn("MEMORY STATS", refusal.text)
                self.assertEqual(self.c.command("EXISTS", *[f"stays:{index}" for index in range(8 * BATCH)]).value, 8 * BATCH)
                self.assertEqual(self.c.command("GET", "stays:1").text, VALUE)
                self.assertEqual(self.c.command("DEL", *[f"stays:{index}" for index in range(6 * BATCH)]).value, 6 * BATCH)
                self.assert_ok(self.c.command("SET", "a", "1"))

    def test_what_expires_soonest_goes_first(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
        limit(self.server)
        for batch in range(80):
            self.c.pipeline([["SET", f"{index % 2}:{batch}:{index}", VALUE, "EX", 10_000 + 90_000 * (index % 2)] for index in range(BATCH)])
        self.assertGreater(self.evicted(), 5_000)
        survivors = self.c.command("KEYS", "0:*").value
        self.assertLess(len(survivors), len(self.c.command("KEYS", "1:*").value) // 4)

    def test_used_keys_stay(self) -> None:
        for policy in ("allkeys-lru", "allkeys-lfu"):
            with self.subTest(policy):
                self.setUp()
                self.c.command("CONFIG", "SET", "maxmemory-policy", policy)
                limit(self.server)
                self.fill("hot", 2)
                hot = [["GET", f"hot:{index}"] for index in range(2 * BATCH)]
                for round in range(60):
                    self.c.pipeline(hot)
                    self.fill(f"cold:{round}", 1)
                self.assertGreater(self.evicted(), 10_000)
                lost = sum(reply.is_null for reply in self.c.pipeline(hot))
                # At the first evictions all keys are young, and nothing tells the hot ones from the others.
                self.assertLess(lost, 2 * BATCH // 8)

    def test_a_lower_limit_is_reached_without_commands(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.fill("k", 100)
        self.c.pipeline([["SADD", "big", *range(index * 1000, index * 1000 + 1000)] for index in range(100)])
        maximum = int(self.server.info("memory")["used_memory"]) - (4 << 20)
        self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory", maximum))
        self.eventually(lambda: int(self.server.info("memory")["used_memory"]) <= maximum + (1 << 20))
        self.assertGreater(self.c.command("DBSIZE").value, 0)

    def test_buffers_evict_nothing(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        self.fill("k", 4)
        limit(self.server, 1 << 20)
        big = self.connect()
        # A command that has not all arrived, and replies that nobody reads.
        big.send(b"*2\r\n$4\r\nECHO\r\n$16000000\r\n" + b"x" * 8_000_000)
        reader = self.connect()
        reader.send(b"*1\r\n$4\r\nPING\r\n" * 10)
        self.eventually(lambda: int(self.server.info("memory")["mem_clients_normal"]) > 8_000_000)
        self.assertEqual(self.c.command("DBSIZE").value, 4 * BATCH)
        self.assert_ok(self.c.command("SET", "a", "1"))
        self.assertEqual(self.evicted(), 0)

    def test_storm(self) -> None:
        """Two shards, several writers: memory in use stays below the limit and a hundredth of it and a mebibyte."""
        self.c.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", STORM_LIMIT_BYTES)
        highest = 0

        def write(number: int) -> None:
            with self.server.connect() as c:
                for start in range(0, STORM_KEYS, STORM_BATCH):
                    c.pipeline([["SET", f"{number}:{start + index}", "x" * (index * 7 % 900)] for index in range(STORM_BATCH)])

        threads = [threading.Thread(target=write, args=(number,)) for number in range(STORM_CONNECTIONS)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            info = self.server.info("memory")
            highest = max(highest, int(info["used_memory"]))
            data_bytes = int(info["used_memory"]) - int(info["mem_not_counted_for_evict"])
            self.assertLessEqual(data_bytes, STORM_LIMIT_BYTES * 1.01)
        for thread in threads:
            thread.join()
        self.assertGreater(self.evicted(), 100_000)
        self.assertGreater(highest, STORM_LIMIT_BYTES * 0.9)
        self.assertLessEqual(highest, STORM_LIMIT_BYTES * 1.01 + (1 << 20))


class OneShardPolicies(Policies):
    SHARDS = 1


class Refusals(EvictionCase):
    def test_multi_and_exec(self) -> None:
        self.c.command("SET", "a", "1")
        self.c.command("MULTI")
        self.c.command("SET", "a", "2")
        other = self.connect()
        other.command("MULTI")
        other.command("GET", "a")
        reader = self.connect()
        reader.command("CONFIG", "SET", "maxmemory", "1")
        # What was queued before is refused when it is to be executed.
        refusal = self.c.command("EXEC")
        self.assertTrue(refusal.text.startswith("EXECABORT Transaction discarded because of: OOM command not allowed"), refusal)
        # Reading is always allowed, but nothing can be queued any more.
        self.assertEqual(other.command("EXEC").value[0].value, b"1")
        other.command("MULTI")
        self.assert_full(other.command("GET", "a"))
        self.assert_error(other.command("EXEC"), "EXECABORT Transaction discarded because of previous errors.")
        other.command("MULTI")
        self.assert_ok(other.command("DISCARD"))
        self.assertEqual(reader.command("GET", "a").value, b"1")
        for write in (["MSET", "a", "1", "b", "2"], ["RPUSH", "l", "1"], ["COPY", "a", "b"], ["BLMOVE", "a", "b", "LEFT", "LEFT", "1"]):
            self.assert_full(reader.command(*write))
        for free in (["DEL", "x"], ["MGET", "a", "b"], ["EXPIRE", "a", "100"], ["RENAME", "a", "c"], ["BLPOP", "l", "0.01"]):
            self.assertFalse(reader.command(*free).is_error, free)
        reader.command("CONFIG", "SET", "maxmemory", "0")
        self.assert_ok(reader.command("SET", "a", "1"))

    def test_time_over_the_limit_is_counted(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory", "1")
        self.eventually(lambda: int(self.server.info("stats")["current_eviction_exceeded_time"]) > 50)
        self.c.command("CONFIG", "SET", "maxmemory", "0")
        self.eventually(lambda: int(self.server.info("stats")["current_eviction_exceeded_time"]) == 0)
        self.assertGreater(int(self.server.info("stats")["total_eviction_exceeded_time"]), 50)


class Observers(EvictionCase):
    POLICY = "allkeys-random"

    def evict_all(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory", "1")
        self.eventually(lambda: self.c.command("DBSIZE").value == 0)
        self.c.command("CONFIG", "SET", "maxmemory", "0")

    def test_events(self) -> None:
        self.c.command("CONFIG", "SET", "notify-keyspace-events", "Ee")
        names = {f"k{index}".encode() for index in range(20)}
        self.c.pipeline([["SET", name, "v"] for name in names])
        listener = self.connect()
        listener.command("PSUBSCRIBE", "*")
        self.evict_all()
        seen = set()
        while seen != names:
            kind, _, channel, message = (item.value for item in listener.read_reply().value)
            self.assertEqual((kind, channel), (b"pmessage", b"__keyevent@0__:evicted"))
            self.assertNotIn(message, seen)
            seen.add(message)

    def test_watching_clients(self) -> None:
        self.c.command("SET", "a", "1")
        watcher = self.connect()
        watcher.command("WATCH", "a")
        watcher.command("MULTI")
        watcher.command("PING")
        self.evict_all()
        self.assertTrue(watcher.command("EXEC").is_null)

    def test_tracking_clients(self) -> None:
        self.c.command("SET", "a", "1")
        tracker = self.connect(3)
        tracker.command("CLIENT", "TRACKING", "ON")
        tracker.command("GET", "a")
        self.evict_all()
        push = tracker.read_reply()
        self.assertEqual((push.kind, push.value[0].value, push.value[1].value[0].value), ("push", b"invalidate", b"a"))


class Use(EvictionCase):
    SHARDS = 1

    def test_frequencies(self) -> None:
        self.c.command("SET", "before", "1")
        self.c.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        self.c.command("SET", "a", "1")
        self.assertEqual(self.c.command("OBJECT", "FREQ", "a").value, 5)
        self.c.command("GET", "a")
        self.assertEqual(self.c.command("OBJECT", "FREQ", "a").value, 6)
        for _ in range(20):
            self.c.pipeline([["GET", "a"]] * 100)
        often = self.c.command("OBJECT", "FREQ", "a").value
        self.assertTrue(13 <= often <= 50, often)
        # Who does not touch what it reads leaves others' uses alone, those of calls that might have waited included.
        self.c.command("RPUSH", "list", *range(9))
        reader = self.connect()
        self.assert_ok(reader.command("CLIENT", "NO-TOUCH", "ON"))
        uses = self.c.command("OBJECT", "FREQ", "list").value
        for _ in range(20):
            reader.command("LRANGE", "list", 0, 1)
        self.c.command("BLPOP", "list", 0)
        if self.SHARDS == 1:
            self.assertEqual(self.c.command("OBJECT", "FREQ", "list").value, uses + 1)
        # What looks at the key, or writes to it, does not begin anew.
        self.c.command("SET", "a", "22222222222222222222222222222")
        self.assertGreaterEqual(self.c.command("OBJECT", "FREQ", "a").value, often)
        names = ["a", "c", "d", "e", "f", "g", "h", "b"]
        for old, new in zip(names, names[1:]):
            self.c.command("RENAME", old, new)
            self.assertGreaterEqual(self.c.command("OBJECT", "FREQ", new).value, often)
        self.assertRegex(self.c.command("OBJECT", "IDLETIME", "b").text, "^ERR An LFU maxmemory policy is selected, idle time")
        self.assertTrue(self.c.command("OBJECT", "FREQ", "none").is_null)
        payload = self.c.command("DUMP", "b").value
        for given, expected in ((0, 0), (7, 7), (250, 255), (100, 100)):
            self.assert_ok(self.c.command("RESTORE", "r", "0", payload, "REPLACE", "FREQ", given))
            self.assertEqual(self.c.command("OBJECT", "FREQ", "r").value, expected)
        self.c.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.assertRegex(self.c.command("OBJECT", "FREQ", "b").text, "^ERR An LFU maxmemory policy is not selected")
        self.assertEqual(self.c.command("OBJECT", "IDLETIME", "b").kind, "integer")

    def test_decay(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory-policy", "volatile-lfu", "lfu-decay-time", "0")
        self.c.command("SET", "a", "1")
        self.assertEqual(self.c.command("OBJECT", "FREQ", "a").value, 5)
        self.assertEqual(self.c.command("CONFIG", "SET", "lfu-decay-time", "1").text, "OK")


class UseTwoShards(Use):
    SHARDS = 2


if __name__ == "__main__":
    unittest.main()
