"""Memory that goes back to the system: active defragmentation, and what FLUSHALL and deletions leave behind."""

from __future__ import annotations

import random
import time

from resp import Connection
from server import CONDITION_SECONDS, ServerTestCase, seed

MEBIBYTE = 1 << 20
KEY_COUNT = 200_000
BATCH = 1_000


def pipelines(commands: list[list], size: int = BATCH) -> list[list[list]]:
    return [commands[start : start + size] for start in range(0, len(commands), size)]


def value_of(number: int) -> bytes:
    return b"%d:" % number + b"v" * (number % 50)


def without_times(reply: object) -> object:
    """Rows of XPENDING without the idle times; errors as they are."""
    return [[row[0], row[1], row[3]] for row in reply] if isinstance(reply, list) else reply


class ActiveDefragmentation(ServerTestCase):
    """What remains of many keys moves together, is what it was, and the memory between goes back."""

    OPTIONS = {"active-defrag-ignore-bytes": "64kb", "active-defrag-threshold-lower": 5, "active-defrag-cycle-max": 75}

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(seed())
        self.connection: Connection = self.c

    def fill_and_delete(self) -> dict[str, bytes]:
        c = self.connection
        c.command("FLUSHALL")
        sets = [["SET", f"key:{number}", value_of(number)] for number in range(KEY_COUNT)]
        for batch in pipelines(sets):
            c.pipeline(batch)
        kept = {f"key:{number}": value_of(number) for number in range(KEY_COUNT) if self.random.random() < 0.2}
        deletions = [["UNLINK", f"key:{number}"] for number in range(KEY_COUNT) if f"key:{number}" not in kept]
        for batch in pipelines(deletions):
            c.pipeline(batch)
        return kept

    def wait_for_gaps(self, ratio: float) -> None:
        deadline = time.monotonic() + CONDITION_SECONDS
        while float(self.server.info("memory")["allocator_frag_ratio"]) > ratio:
            self.assertLess(time.monotonic(), deadline, self.server.info("memory"))
            time.sleep(0.05)

    def test_keys_move_together(self) -> None:
        kept = self.fill_and_delete()
        before = self.server.info("memory")
        self.assertGreater(float(before["allocator_frag_ratio"]), 1.5)
        resident = self.server.resident_bytes()
        self.connection.command("CONFIG", "SET", "activedefrag", "yes")
        self.wait_for_gaps(1.3)
        self.assertLess(self.server.resident_bytes(), resident - 4 * MEBIBYTE)
        self.connection.command("CONFIG", "SET", "activedefrag", "no")
        for batch in pipelines([["GET", key] for key in kept]):
            self.assertEqual([reply.value for reply in self.connection.pipeline(batch)], [kept[words[1]] for words in batch])
        statistics = self.server.info("stats")
        self.assertGreater(int(statistics["active_defrag_hits"]), len(kept) // 4)
        self.assertGreaterEqual(int(statistics["active_defrag_hits"]), int(statistics["active_defrag_key_hits"]))
        self.assertGreater(int(statistics["total_active_defrag_time"]), 0)

    def test_writes_go_on_meanwhile(self) -> None:
        kept = self.fill_and_delete()
        c = self.connection
        c.command("CONFIG", "SET", "activedefrag", "yes")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            commands = []
            for _ in range(200):
                number = self.random.randrange(KEY_COUNT)
                key = f"key:{number}"
                if self.random.random() < 0.5:
                    kept.pop(key, None)
                    commands.append(["DEL", key])
                else:
                    kept[key] = b"n" * self.random.randrange(300)
                    commands.append(["SET", key, kept[key]])
            c.pipeline(commands)
        self.assertEqual(c.command("DBSIZE").value, len(kept))
        for batch in pipelines([["GET", key] for key in kept]):
            self.assertEqual([reply.value for reply in c.pipeline(batch)], [kept[words[1]] for words in batch])
        c.command("CONFIG", "SET", "activedefrag", "no")

    def collection(self, key: str, kind: int, count: int) -> list[list]:
        """Commands that make a large value, of which every third element is gone again."""
        draw = self.random.randrange
        items = [f"{number}:{'x' * draw(90)}" for number in range(count)]
        if kind == 0:
            return [["RPUSH", key, *items], ["LREM", key, 1, items[count // 2]]]
        if kind == 1:
            pairs = [part for item in items for part in (item, "v" * draw(400))]
            return [["HSET", key, *pairs], ["HDEL", key, *items[::3]]]
        if kind == 2:
            return [["SADD", key, *items], ["SREM", key, *items[::3]]]
        if kind == 3:
            pairs = [part for item in items for part in (draw(1_000), item)]
            return [["ZADD", key, *pairs], ["ZREM", key, *items[::3]]]
        entries = [["XADD", key, f"{number}-1", "field", item] for number, item in enumerate(items, 1)]
        group = [["XGROUP", "CREATE", key, "group", "0"], ["XREADGROUP", "GROUP", "group", "me", "COUNT", count // 2, "STREAMS", key, ">"]]
        return entries + group + [["XACK", key, "group", *(f"{number}-1" for number in range(1, count, 3))]]

    def test_large_values_move_together(self) -> None:
        c = self.c
        keys = [f"large:{number}" for number in range(300)]
        for number, key in enumerate(keys):
            c.pipeline(self.collection(key, number % 5, self.random.choice((150, 600, 2_000))))
        self.random.shuffle(keys)
        c.pipeline([["DEL", key] for key in keys[90:]])
        kept = keys[:90]
        dumps = [reply.value for reply in c.pipeline([["DUMP", key] for key in kept])]
        pending = [reply.python() for reply in c.pipeline([["XPENDING", key, "group", "-", "+", 9_999] for key in kept])]
        # Every size of blocks keeps a page that is partly filled, so much of what is left of so little data are gaps.
        before = float(self.server.info("memory")["allocator_frag_ratio"])
        self.assertGreater(before, 1.8)
        c.command("CONFIG", "SET", "activedefrag", "yes")
        self.wait_for_gaps(1 + (before - 1) * 0.7)
        c.command("CONFIG", "SET", "activedefrag", "no")
        self.assertEqual([reply.value for reply in c.pipeline([["DUMP", key] for key in kept])], dumps)
        after = [reply.python() for reply in c.pipeline([["XPENDING", key, "group", "-", "+", 9_999] for key in kept])]
        # Idle times have grown meanwhile.
        self.assertEqual([without_times(reply) for reply in after], [without_times(reply) for reply in pending])
        # They still can be changed, and go.
        for number, key in enumerate(kept):
            c.pipeline(self.collection(key, int(key[6:]) % 5, 50))
        c.pipeline([["DEL", key] for key in kept])

    def test_it_ends_when_it_is_turned_off(self) -> None:
        self.fill_and_delete()
        self.connection.command("CONFIG", "SET", "active-defrag-cycle-min", "1", "active-defrag-cycle-max", "1")
        self.connection.command("CONFIG", "SET", "activedefrag", "yes")
        deadline = time.monotonic() + CONDITION_SECONDS
        while self.server.info("memory")["active_defrag_running"] == "0":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        self.connection.command("CONFIG", "SET", "activedefrag", "no")
        while self.server.info("memory")["active_defrag_running"] != "0":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.connection.command("CONFIG", "SET", "active-defrag-cycle-max", "75")


class GivingBack(ServerTestCase):
    """What FLUSHALL frees is the system's again."""

    OPTIONS = {"enable-debug-command": "yes"}

    def test_flushall(self) -> None:
        c = self.server.connect(timeout=60)
        start = self.server.resident_bytes()
        for size in (10, 4_000):
            c.command("DEBUG", "POPULATE", 120_000_000 // (size + 60), "key", size)
            self.assertGreater(self.server.resident_bytes(), start + 64 * MEBIBYTE)
            c.command("FLUSHALL")
            deadline = time.monotonic() + CONDITION_SECONDS
            while self.server.resident_bytes() > start * 1.1 + 32 * MEBIBYTE:
                self.assertLess(time.monotonic(), deadline, f"{self.server.resident_bytes() >> 20} MB after FLUSHALL")
                time.sleep(0.01)

    def test_tables_shrink(self) -> None:
        c = self.server.connect(timeout=60)
        c.command("DEBUG", "POPULATE", 300_000, "key", 4)

        def table_bytes() -> int:
            return c.command("MEMORY", "STATS").fields()["db.0"].fields()["overhead.hashtable.main"].value

        full = table_bytes()
        self.assertGreater(full, 300_000 * 9)
        for batch in pipelines([["UNLINK", *(f"key:{number}" for number in range(start, start + 100))] for start in range(1_000, 300_000, 100)]):
            c.pipeline(batch)
        deadline = time.monotonic() + CONDITION_SECONDS
        while table_bytes() > full / 20:
            self.assertLess(time.monotonic(), deadline, f"tables of {table_bytes()} bytes for 1,000 keys")
            time.sleep(0.05)
        self.assertEqual(c.command("DBSIZE").value, 1_000)
