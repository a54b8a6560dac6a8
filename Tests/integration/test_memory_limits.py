"""Limits beside maxmemory: those of the clients' memory, and those that the system sets. The server outlives them all."""

from __future__ import annotations

import threading
import unittest

from resp import ConnectionClosed, Reply
from server import Server, ServerTestCase

OOM = "OOM command not allowed"
ADDRESS_SPACE_BYTES = 448 << 20
VALUE = "x" * 1000
BATCH = 500
STORM_CONNECTIONS = 4
CLIENT_LIMIT_BYTES = 8 << 20


def is_closed(connection) -> bool:
    try:
        connection.command("PING")
    except (OSError, ConnectionClosed):
        return True
    return False


class SystemLimit(unittest.TestCase):
    """With `ulimit -v` far below the load."""

    def setUp(self) -> None:
        self.server = Server(address_space_bytes=ADDRESS_SPACE_BYTES)
        self.addCleanup(self.server.discard)
        if not self.server.is_pantala:
            self.skipTest("only Pantala: it refuses before the system does")
        self.c = self.server.connect()

    def storm(self, make, batches: int) -> list[Reply]:
        """Has several connections write at once; returns the refusals."""
        refusals: list[Reply] = []

        def write(number: int) -> None:
            with self.server.connect() as c:
                for batch in range(batches):
                    replies = c.pipeline([make(number, batch * BATCH + index) for index in range(BATCH)])
                    refusals.extend(reply for reply in replies if reply.is_error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(STORM_CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.server.check_alive()
        return refusals

    def test_strings(self) -> None:
        refusals = self.storm(lambda number, index: ["SET", f"{number}:{index}", VALUE], 250)
        self.assertGreater(len(refusals), 1000)
        self.assertTrue(all(reply.text.startswith(OOM) for reply in refusals))
        self.assertIn("system's limit", refusals[0].text)
        count = self.c.command("DBSIZE").value
        self.assertGreater(count, 50_000)
        # What frees memory works, and afterwards there is room again.
        self.assertEqual(self.c.command("GET", "0:1").text, VALUE)
        self.assertEqual(self.c.command("FLUSHALL").text, "OK")
        for _ in range(100):
            if not (reply := self.c.command("SET", "a", "1")).is_error:
                break
            threading.Event().wait(0.05)
        self.assertFalse(reply.is_error, reply)
        refusals = self.storm(lambda number, index: ["SET", f"{number}:{index}", VALUE], 50)
        self.assertEqual(len(refusals), 0)
        self.server.stop()

    def test_collections(self) -> None:
        self.assertGreater(len(self.storm(lambda number, index: ["RPUSH", f"list:{number}:{index % 10}", VALUE * 3], 120)), 1000)
        self.assertGreater(len(self.storm(lambda number, index: ["ZADD", f"zset:{number}", index, f"{index}{VALUE}"], 30)), 1000)
        self.server.stop()

    def test_eviction_goes_on_below_the_limit(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory", 100 << 20, "maxmemory-policy", "allkeys-lru")
        self.assertEqual(self.storm(lambda number, index: ["SET", f"{number}:{index}", VALUE], 200), [])
        self.server.stop()

    def test_clients(self) -> None:
        # One that sends a huge command, one that asks for more than it reads, and one that queues without end.
        sender = self.server.connect()
        try:
            sender.send(b"*2\r\n$4\r\nECHO\r\n$400000000\r\n" + b"x" * 400_000_000)
        except OSError:
            pass
        self.assertTrue(is_closed(sender))
        self.c.command("SET", "big", "x" * 10_000_000)
        reader = self.server.connect()
        reader.send(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 200)
        other = self.server.connect()
        for _ in range(100):
            if len(other.command("CLIENT", "LIST").text.splitlines()) <= 2:
                break
            threading.Event().wait(0.05)
        self.server.check_alive()
        self.assertEqual(self.c.command("PING").text, "PONG")
        self.server.stop()


class ClientLimit(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.require_version(7, 0)
        self.c.command("CONFIG", "SET", "maxmemory-clients", CLIENT_LIMIT_BYTES)
        self.c.command("CONFIG", "RESETSTAT")

    def tearDown(self) -> None:
        with self.server.connect() as c:
            c.command("CONFIG", "SET", "maxmemory-clients", "0")
        super().tearDown()

    def evicted(self) -> int:
        return int(self.server.info("stats")["evicted_clients"])

    def half_command(self, byte_count: int, no_evict: bool = False):
        c = self.connect()
        if no_evict:
            self.assert_ok(c.command("CLIENT", "NO-EVICT", "ON"))
        try:
            c.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (byte_count + 1) + b"x" * byte_count)
        except OSError:
            # It was closed before it had sent all.
            pass
        return c

    def test_the_largest_goes(self) -> None:
        small = self.half_command(1 << 20)
        large = self.half_command(12 << 20)
        self.eventually(lambda: self.evicted() == 1)
        self.assertRaises((OSError, ConnectionClosed), large.read_reply)
        small.send(b"x\r\n")
        self.assertEqual(len(small.read_reply().value), (1 << 20) + 1)
        self.assertEqual(self.c.command("PING").text, "PONG")

    def test_many_go_until_it_is_enough(self) -> None:
        clients = [self.half_command(1 << 20) for _ in range(16)]
        self.eventually(lambda: self.evicted() > 0)
        self.eventually(lambda: int(self.server.info("memory")["mem_clients_normal"]) <= CLIENT_LIMIT_BYTES)
        self.assertLess(self.evicted(), 16)
        self.assertGreater(len(clients), self.evicted())

    def test_some_are_spared(self) -> None:
        spared = self.half_command(12 << 20, no_evict=True)
        self.eventually(lambda: int(self.server.info("memory")["mem_clients_normal"]) > 12 << 20)
        spared.send(b"x\r\n")
        self.assertEqual(len(spared.read_reply().value), (12 << 20) + 1)

    def test_replies_count(self) -> None:
        self.c.command("SET", "big", "x" * (1 << 20))
        reader = self.connect()
        reader.send(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 64)
        self.eventually(lambda: self.evicted() >= 1)
        self.assertEqual(self.c.command("STRLEN", "big").value, 1 << 20)

    def test_percentages(self) -> None:
        self.c.command("CONFIG", "SET", "maxmemory", 100 << 20, "maxmemory-clients", "4%")
        self.assertEqual(self.c.command("CONFIG", "GET", "maxmemory-clients").value[1].value, b"4%")
        self.half_command(8 << 20)
        self.eventually(lambda: self.evicted() == 1)
        self.c.command("CONFIG", "SET", "maxmemory", "0")


class ClientLimitOneShard(ClientLimit):
    SHARDS = 1


if __name__ == "__main__":
    unittest.main()
