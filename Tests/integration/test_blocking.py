"""Blocking commands: who is served, by whom, in which order and when; and what becomes of clients that do not wait on."""

from __future__ import annotations

import resource
import socket
import time
from typing import Any

from resp import Connection, encode
from server import ServerTestCase

# Before the answer of a command that blocks can be missed, on a busy machine.
QUIET_SECONDS = 0.15
CROWD = 10_000
SPARE_DESCRIPTORS = 200
LATE_SECONDS = 2.0


class Blocking(ServerTestCase):
    SHARDS = 2

    # Helpers

    def blocked(self) -> int:
        return int(self.server.info("clients")["blocked_clients"])

    def block(self, *arguments: Any, protocol: int = 2) -> Connection:
        """A connection whose command waits, when this returns."""
        before = self.blocked()
        connection = self.connect(protocol)
        connection.send(encode(*arguments))
        self.eventually(lambda: self.blocked() == before + 1, message=f"{arguments} does not block")
        return connection

    def assert_silent(self, connection: Connection) -> None:
        connection.socket.settimeout(QUIET_SECONDS)
        with self.assertRaises((TimeoutError, socket.timeout)):
            connection.read_reply()
        connection.socket.settimeout(connection.timeout)

    def reply(self, connection: Connection) -> Any:
        return connection.read_reply().python()

    def command(self, *arguments: Any) -> Any:
        return self.c.command(*arguments).python()

    def tearDown(self) -> None:
        self.doCleanups()
        self.eventually(lambda: self.blocked() == 0)
        if self.server.is_pantala:
            self.eventually(lambda: self.server.info("clients")["total_blocking_keys"] == "0")
        super().tearDown()

    # Serving

    def test_push_serves_before_anybody_else(self) -> None:
        for pop, push in (("BLPOP", "RPUSH"), ("BRPOP", "LPUSH")):
            waiter = self.block(pop, "a", "b", "c", "list", 0)
            replies = self.c.pipeline([(push, "list", "x"), ("LLEN", "list"), ("EXISTS", "list")])
            self.assertEqual([reply.value for reply in replies], [1, 0, 0])
            self.assertEqual(self.reply(waiter), [b"list", b"x"])

    def test_several_elements_serve_several(self) -> None:
        waiters = [self.block("BLPOP", "list", f"other:{index}", 0) for index in range(5)]
        self.assertEqual(self.command("RPUSH", "list", "1", "2", "3"), 3)
        for index in range(3):
            self.assertEqual(self.reply(waiters[index]), [b"list", b"%d" % (index + 1)])
        self.assert_silent(waiters[3])
        self.assertEqual(self.command("LPUSH", "other:4", "4"), 1)
        self.assertEqual(self.reply(waiters[4]), [b"other:4", b"4"])
        self.assertEqual(self.command("LPUSH", "other:3", "5"), 1)
        self.assertEqual(self.reply(waiters[3]), [b"other:3", b"5"])

    def test_first_come_first_served(self) -> None:
        waiters = [self.block("BRPOP", "list", 0) for _ in range(12)]
        for index, waiter in enumerate(waiters):
            self.command("LPUSH", "list", index)
            self.assertEqual(self.reply(waiter), [b"list", b"%d" % index])

    def test_first_key_with_something_wins(self) -> None:
        keys = [f"key:{index}" for index in range(8)]
        for key in reversed(keys):
            self.command("RPUSH", key, key)
        for key in keys:
            self.assertEqual(self.command("BLPOP", *keys, 0), [key.encode(), key.encode()])

    def test_multi_pops(self) -> None:
        waiter = self.block("BLMPOP", 0, 3, "a", "list", "c", "LEFT", "COUNT", 2)
        self.command("RPUSH", "list", "1", "2", "3")
        self.assertEqual(self.reply(waiter), [b"list", [b"1", b"2"]])
        self.assertEqual(self.command("LRANGE", "list", 0, -1), [b"3"])
        waiter = self.block("BZMPOP", 0, 2, "a", "zset", "MAX", "COUNT", 2)
        self.command("ZADD", "zset", 1, "a", 2, "b", 3, "c")
        self.assertEqual(self.reply(waiter), [b"zset", [[b"c", b"3"], [b"b", b"2"]]])

    def test_sorted_sets(self) -> None:
        lowest = self.block("BZPOPMIN", "a", "zset", 0)
        highest = self.block("BZPOPMAX", "zset", "b", 0, protocol=3)
        self.command("ZADD", "zset", 1, "x", 2.5, "y", 3, "z")
        self.assertEqual(self.reply(lowest), [b"zset", b"x", b"1"])
        self.assertEqual(self.reply(highest), [b"zset", b"z", 3.0])
        self.assertEqual(self.command("ZRANGE", "zset", 0, -1), [b"y"])
        waiter = self.block("BZPOPMIN", "incremented", 0)
        self.command("ZINCRBY", "incremented", 7, "m")
        self.assertEqual(self.reply(waiter), [b"incremented", b"m", b"7"])

    def test_lists_that_come_by_other_ways(self) -> None:
        self.command("RPUSH", "source", "a", "b")
        dump = self.c.command("DUMP", "source").value
        ways: list[tuple[Any, ...]] = [
            ("RENAME", "source", "list"), ("COPY", "keep", "list"), ("RESTORE", "list", 0, dump),
            ("SORT", "keep", "ALPHA", "STORE", "list"), ("LMOVE", "keep", "list", "LEFT", "LEFT"),
        ]  # fmt: skip
        for way in ways:
            self.command("RPUSH", "keep", "a", "b")
            waiter = self.block("BLPOP", "list", 0)
            self.assertFalse(self.c.command(*way).is_error, way)
            self.assertEqual(self.reply(waiter), [b"list", b"a"], way)
            self.command("DEL", "list", "keep")

    def test_swapped_and_moved_databases(self) -> None:
        waiter = self.block("BLPOP", "list", 0)
        self.command("SELECT", 1)
        self.command("RPUSH", "list", "a")
        self.assert_silent(waiter)
        self.assert_ok(self.c.command("SWAPDB", 0, 1))
        self.assertEqual(self.reply(waiter), [b"list", b"a"])
        self.command("SELECT", 0)
        waiter = self.block("BLPOP", "list", 0)
        self.command("SELECT", 1)
        self.command("RPUSH", "list", "b")
        self.assertEqual(self.command("MOVE", "list", 0), 1)
        self.assertEqual(self.reply(waiter), [b"list", b"b"])

    def test_wrong_types_wake_nobody(self) -> None:
        waiter = self.block("BLPOP", "key", 0)
        for command in (("SET", "key", "x"), ("DEL", "key"), ("ZADD", "key", 1, "a"), ("DEL", "key"), ("SADD", "key", "a")):
            self.command(*command)
        self.assert_silent(waiter)
        self.assertTrue(self.c.command("BLPOP", "none", "key", 0).text.startswith("WRONGTYPE"))
        self.command("DEL", "key")
        self.command("RPUSH", "key", "x")
        self.assertEqual(self.reply(waiter), [b"key", b"x"])

    # Streams

    def test_readers_all_get_what_comes(self) -> None:
        self.command("XADD", "stream", "1-1", "f", "old")
        readers = [self.block("XREAD", "COUNT", 2, "BLOCK", 0, "STREAMS", "none", "stream", "$", "$") for _ in range(3)]
        self.command("XADD", "stream", "2-1", "f", "new")
        for reader in readers:
            self.assertEqual(self.reply(reader), [[b"stream", [[b"2-1", [b"f", b"new"]]]]])
        late = self.connect(protocol=3)
        late.send(encode("XREAD", "BLOCK", 0, "STREAMS", "stream", "1-1"))
        self.assertEqual(self.reply(late), {b"stream": [[b"2-1", [b"f", b"new"]]]})

    def test_a_group_delivers_to_one(self) -> None:
        for index in range(4):
            key = f"stream:{index}"
            self.command("XGROUP", "CREATE", key, "group", "$", "MKSTREAM")
            readers = [
                self.block("XREADGROUP", "GROUP", "group", f"c{number}", "BLOCK", 0, "STREAMS", key, ">") for number in range(3)
            ]
            self.command("XADD", key, "1-1", "f", "a")
            self.assertEqual(self.reply(readers[0]), [[key.encode(), [[b"1-1", [b"f", b"a"]]]]])
            self.assertEqual(self.command("XPENDING", key, "group"), [1, b"1-1", b"1-1", [[b"c0", b"1"]]])
            if self.server.is_pantala:
                self.assertEqual(self.server.info("clients")["total_blocking_keys_on_nokey"], "1")
            self.command("DEL", key) if index % 2 else self.command("SET", key, "x")
            for reader in readers[1:]:
                self.assert_error(reader.read_reply(), "UNBLOCKED the stream key no longer exists")

    def test_a_group_that_goes(self) -> None:
        self.command("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")
        reader = self.block("XREADGROUP", "GROUP", "group", "c", "BLOCK", 0, "STREAMS", "stream", ">")
        self.assertEqual(self.command("XGROUP", "DESTROY", "stream", "group"), 1)
        self.assert_error(
            reader.read_reply(), "NOGROUP the consumer group this client was blocked on no longer exists"
        )

    # Moves

    def test_moves(self) -> None:
        for index in range(8):
            source, target = f"source:{index}", f"target:{index}"
            mover = self.block("BLMOVE", source, target, "LEFT", "RIGHT", 0)
            self.command("RPUSH", source, "a", "b")
            self.assertEqual(self.reply(mover), b"a")
            self.assertEqual(self.command("LRANGE", target, 0, -1), [b"a"])
            mover = self.block("BRPOPLPUSH", f"empty:{index}", target, 0)
            self.command("RPUSH", f"empty:{index}", "c")
            self.assertEqual(self.reply(mover), b"c")
            self.assertEqual(self.command("LRANGE", target, 0, -1), [b"c", b"a"])

    def test_chain_of_moves(self) -> None:
        movers = [self.block("BLMOVE", f"link:{index}", f"link:{index + 1}", "LEFT", "RIGHT", 0) for index in range(10)]
        last = self.block("BLPOP", "link:10", 0)
        self.command("RPUSH", "link:0", "x")
        self.assertEqual(self.reply(last), [b"link:10", b"x"])
        self.assertEqual([self.reply(mover) for mover in movers], [b"x"] * 10)
        self.assertEqual(self.command("DBSIZE"), 0)

    def test_circle_of_moves(self) -> None:
        there = self.block("BLMOVE", "one", "other", "LEFT", "RIGHT", 0)
        back = self.block("BLMOVE", "other", "one", "LEFT", "RIGHT", 0)
        self.command("RPUSH", "one", "x")
        self.assertEqual((self.reply(there), self.reply(back)), (b"x", b"x"))
        self.eventually(lambda: self.command("LRANGE", "one", 0, -1) == [b"x"])

    def test_move_onto_another_type(self) -> None:
        for index in range(8):
            source, target = f"source:{index}", f"target:{index}"
            self.command("SET", target, "x")
            mover = self.block("BLMOVE", source, target, "LEFT", "RIGHT", 0)
            self.command("RPUSH", source, "a")
            self.assertTrue(mover.read_reply().text.startswith("WRONGTYPE"))
            self.assertEqual(self.command("LRANGE", source, 0, -1), [b"a"])

    # Time

    def test_time(self) -> None:
        calls = [
            ("BLPOP", "a", "b", "{}"), ("BRPOP", "a", "{}"), ("BZPOPMIN", "a", "{}"), ("BZPOPMAX", "a", "b", "c", "{}"),
            ("BLMOVE", "a", "b", "LEFT", "LEFT", "{}"), ("BRPOPLPUSH", "a", "b", "{}"), ("BLMPOP", "{}", 1, "a", "LEFT"),
            ("BZMPOP", "{}", 2, "a", "b", "MIN"),
        ]  # fmt: skip
        for call in calls:
            for seconds in (0.001, 0.05, 0.31):
                arguments = [seconds if argument == "{}" else argument for argument in call]
                start = time.monotonic()
                self.assertIsNone(self.command(*arguments), arguments)
                spent = time.monotonic() - start
                self.assertGreaterEqual(spent, seconds, arguments)
                self.assertLess(spent, seconds + LATE_SECONDS, arguments)

    def test_times_end_in_their_order(self) -> None:
        start = time.monotonic()
        waiters = []
        for milliseconds in (300, 100, 400, 200):
            waiter = self.connect()
            waiter.send(encode("BLPOP", "none", "other", milliseconds / 1_000))
            waiters.append((milliseconds / 1_000, waiter))
        for seconds, waiter in sorted(waiters, key=lambda pair: pair[0]):
            self.assertIsNone(self.reply(waiter))
            self.assertGreaterEqual(time.monotonic() - start, seconds)
        self.assertEqual(self.command("RPUSH", "none", "x"), 1)
        self.assertEqual(self.command("LLEN", "none"), 1)

    def test_wait(self) -> None:
        self.assertEqual(self.command("WAIT", 0, 0), 0)
        start = time.monotonic()
        self.assertEqual(self.command("WAIT", 2, 120), 0)
        self.assertGreaterEqual(time.monotonic() - start, 0.12)

    # Ending

    def test_unblock(self) -> None:
        waiter = self.connect()
        identifier = waiter.command("CLIENT", "ID").value
        self.assertEqual(self.command("CLIENT", "UNBLOCK", identifier), 0)
        self.assertEqual(self.command("CLIENT", "UNBLOCK", 1 << 40), 0)
        for arguments, expected in (((), None), (("TIMEOUT",), None), (("ERROR",), "UNBLOCKED client unblocked via CLIENT UNBLOCK")):
            waiter.send(encode("BLPOP", "a", "b", 0))
            self.eventually(lambda: self.blocked() == 1)
            self.assertEqual(self.command("CLIENT", "UNBLOCK", identifier, *arguments), 1)
            reply = waiter.read_reply()
            self.assertEqual(reply.text if reply.is_error else reply.python(), expected)
            self.assertEqual(self.command("CLIENT", "UNBLOCK", identifier), 0)
        self.assertEqual(waiter.command("PING").value, b"PONG")

    def test_flags_of_the_client_list(self) -> None:
        waiter = self.connect()
        waiter.command("CLIENT", "SETNAME", "waiter")
        waiter.send(encode("BLPOP", "list", 0))
        self.eventually(lambda: self.blocked() == 1)
        line = next(line for line in self.c.command("CLIENT", "LIST").text.splitlines() if " name=waiter " in line)
        self.assertIn(" flags=b ", line)
        self.assertIn(" cmd=blpop ", line)

    def test_leaving_clients_are_forgotten(self) -> None:
        for leave in ("close", "reset", "kill", "half"):
            first = self.block("BLPOP", "list", "a", "b", "c", 0)
            second = self.block("BLPOP", "list", "a", "b", "c", 0)
            if leave == "close":
                first.close()
            elif leave == "reset":
                first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                first.close()
            elif leave == "half":
                first.socket.shutdown(socket.SHUT_WR)
            else:
                address = first.socket.getsockname()
                self.assert_ok(self.c.command("CLIENT", "KILL", f"{address[0]}:{address[1]}"))
            self.eventually(lambda: self.blocked() == 1, message=leave)
            self.command("RPUSH", "list", leave)
            self.assertEqual(self.reply(second), [b"list", leave.encode()])
            self.eventually(lambda: self.blocked() == 0)

    def test_leaving_with_a_timeout(self) -> None:
        for _ in range(50):
            waiter = self.connect()
            waiter.send(encode("BLPOP", "list", "a", "b", 0.05))
            waiter.close()
        self.eventually(lambda: self.server.info("clients")["connected_clients"] == "2")
        self.assertEqual(self.command("RPUSH", "list", "x"), 1)
        self.assertEqual(self.command("LLEN", "list"), 1)

    # Pipelines

    def test_what_comes_before_is_answered_and_what_comes_behind_waits(self) -> None:
        waiter = self.connect()
        waiter.send(
            encode("SET", "x", 1) + encode("BLPOP", "list", 0) + encode("INCR", "x") + b"PING\r\n" + encode("BLPOP", "list", 0)
        )
        self.assertEqual(waiter.read_reply().value, b"OK")
        waiter.send(encode("INCR", "x"))
        self.assert_silent(waiter)
        self.assertEqual(self.command("GET", "x"), b"1")
        self.command("RPUSH", "list", "a")
        self.assertEqual([self.reply(waiter) for _ in range(3)], [[b"list", b"a"], 2, b"PONG"])
        self.assert_silent(waiter)
        self.command("RPUSH", "list", "b")
        self.assertEqual([self.reply(waiter) for _ in range(2)], [[b"list", b"b"], 3])

    def test_a_flood_behind_a_blocking_command_is_bounded(self) -> None:
        waiter = self.block("BLPOP", "list", 0)
        waiter.socket.settimeout(0.5)
        sent = 0
        request = encode("ECHO", "x" * 1_000) * 100
        with self.assertRaises((TimeoutError, socket.timeout)):
            while sent < 64 << 20:
                sent += waiter.socket.send(request)
        waiter.socket.settimeout(waiter.timeout)
        line = next(line for line in self.c.command("CLIENT", "LIST").text.splitlines() if " flags=b " in line)
        self.assertLess(int(line.split(" qbuf=")[1].split()[0]), 2 << 20)
        self.command("RPUSH", "list", "x")
        self.assertEqual(self.reply(waiter), [b"list", b"x"])
        self.assertEqual(self.reply(waiter), b"x" * 1_000)

    def test_paused_clients(self) -> None:
        waiter = self.block("BLPOP", "list", 0.3)
        self.assert_ok(self.c.command("CLIENT", "PAUSE", 100_000, "WRITE"))
        late = self.connect()
        late.send(encode("BLPOP", "list", 0.01))
        self.assertIsNone(self.reply(waiter))
        self.assert_silent(late)
        self.assert_ok(self.c.command("CLIENT", "UNPAUSE"))
        self.assertIsNone(self.reply(late))

    # Crowds

    def test_a_crowd(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(CROWD, hard - SPARE_DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + SPARE_DESCRIPTORS)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(count, int(self.command("CONFIG", "GET", "maxclients")[1]) - SPARE_DESCRIPTORS)
        waiters = []
        for index in range(count):
            waiter = self.connect()
            waiter.send(encode("BLPOP", f"crowd:{index % 7}", f"own:{index}", 0 if index % 2 else 1_000))
            waiters.append(waiter)
        self.eventually(lambda: self.blocked() == count)
        # Nobody else notices.
        start = time.monotonic()
        for index in range(200):
            self.command("SET", f"key:{index}", "x")
        self.assertLess(time.monotonic() - start, LATE_SECONDS)
        spent = self.processor_seconds()
        time.sleep(0.5)
        self.assertLess(self.processor_seconds() - spent, 0.25)
        for index in (0, 1, count - 1):
            self.assertEqual(self.command("RPUSH", f"own:{index}", "x"), 1)
            self.assertEqual(self.reply(waiters[index]), [b"own:%d" % index, b"x"])
        for waiter in waiters:
            waiter.close()
        self.eventually(lambda: self.blocked() == 0)

    def processor_seconds(self) -> float:
        information = self.server.info("cpu")
        return float(information["used_cpu_sys"]) + float(information["used_cpu_user"])


class BlockingOnOneShard(Blocking):
    SHARDS = 1


class BlockingOnFourShards(Blocking):
    SHARDS = 4


if __name__ == "__main__":
    import unittest

    unittest.main()
