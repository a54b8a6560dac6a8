"""The clients people have: redis-py (RESP2, RESP3, asyncio), redis-cli in its many modes, redis-benchmark."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from typing import Any

import redis
import redis.asyncio

from resp import encode
from server import ServerTestCase

TOOL_SECONDS = 60
PIPED_COMMANDS = 20_000
BENCHMARK_REQUESTS = 20_000
BENCHMARK_LOADS = [
    ["-t", "get,set,incr,mset,ping", "-P", "16"],
    ["-t", "get,set", "-P", "1", "-c", "50"],
    ["-t", "set,get", "-P", "64", "-d", "256", "-r", "100000", "-c", "30"],
    ["-t", "get,set,mset", "-P", "16", "--threads", "2"],
    ["-P", "8", "-r", "1000", "mget", "key:__rand_int__", "key:__rand_int__"],
    ["-P", "8", "-3", "-t", "get,set"],
]


class RedisPy(ServerTestCase):
    PROTOCOL = 2

    def setUp(self) -> None:
        super().setUp()
        self.r = self.server.redis(protocol=self.PROTOCOL, decode_responses=True)
        self.addCleanup(self.r.close)

    def test_strings(self) -> None:
        r = self.r
        self.assertTrue(r.set("a", "1", ex=100))
        self.assertEqual(r.get("a"), "1")
        self.assertIsNone(r.set("a", "2", nx=True))
        self.assertEqual(r.set("a", "2", xx=True, get=True, keepttl=True), "1")
        self.assertEqual(r.incrby("a", 40), 42)
        self.assertEqual(float(r.incrbyfloat("f", 1.5)), 1.5)
        self.assertTrue(r.mset({"b": "x", "c": "y"}))
        self.assertEqual(r.mget("a", "b", "none"), ["42", "x", None])
        self.assertEqual((r.append("b", "yz"), r.getrange("b", 1, -1), r.strlen("b")), (3, "yz", 3))
        self.assertEqual(r.getex("b", px=100_000), "xyz")
        self.assertEqual(r.getdel("b"), "xyz")
        self.assertEqual(r.lcs("a", "c", len=True), 0)
        r.mset({"one": "ohmytext", "two": "mynewtext"})
        self.assertEqual(r.lcs("one", "two"), "mytext")

    def test_generic(self) -> None:
        r = self.r
        r.mset({f"key:{index}": index for index in range(100)})
        self.assertEqual(len(r.keys("key:*")), 100)
        self.assertEqual(len(set(r.scan_iter("key:1*", count=7))), 11)
        self.assertEqual(len(list(r.scan_iter(_type="string"))), 100)
        self.assertTrue(r.expire("key:1", 100))
        self.assertTrue(0 < r.ttl("key:1") <= 100)
        self.assertFalse(r.expire("key:1", 50, gt=True))
        self.assertTrue(r.persist("key:1"))
        self.assertEqual((r.ttl("key:1"), r.ttl("none")), (-1, -2))
        self.assertEqual((r.exists("key:1", "key:2", "none"), r.type("key:1"), r.type("none")), (2, "string", "none"))
        self.assertTrue(r.rename("key:1", "key:a"))
        self.assertFalse(r.renamenx("key:2", "key:3"))
        self.assertTrue(r.copy("key:2", "key:b"))
        self.assertTrue(r.move("key:2", 1))
        self.assertEqual(r.object("encoding", "key:3"), "int")
        self.assertEqual((r.delete("key:3", "none"), r.unlink("key:4"), r.touch("key:5")), (1, 1, 1))
        self.assertEqual(r.dbsize(), 98)
        self.assertIsInstance(r.randomkey(), str)

    def test_errors_are_exceptions(self) -> None:
        self.r.set("a", "text")
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer or out of range"):
            self.r.incr("a")
        with self.assertRaisesRegex(redis.ResponseError, "unknown command 'NOSUCH', with args beginning with: 'a' 'b'"):
            self.r.execute_command("NOSUCH", "a", "b")
        with self.assertRaisesRegex(redis.ResponseError, "no such key"):
            self.r.rename("none", "other")

    def test_pipelines(self) -> None:
        pipe = self.r.pipeline(transaction=False)
        for index in range(1_000):
            pipe.set(f"key:{index}", index).get(f"key:{index}")
        self.assertEqual(pipe.execute(), [value for index in range(1_000) for value in (True, str(index))])
        pipe = self.r.pipeline(transaction=False)
        pipe.set("a", "text").incr("a").get("a")
        first, second, third = pipe.execute(raise_on_error=False)
        self.assertEqual((first, type(second), third), (True, redis.ResponseError, "text"))

    def test_administration(self) -> None:
        r = self.r
        info = r.info("everything")
        self.assertIsInstance(info["uptime_in_seconds"], int)
        r.set("a", 1)
        self.assertEqual(r.info("keyspace")["db0"]["keys"], 1)
        self.assertEqual(r.config_get("maxmemory")["maxmemory"], "0")
        self.assertTrue(r.config_set("timeout", 0))
        self.assertTrue(r.config_resetstat())
        self.assertTrue(r.client_setname("me"))
        self.assertEqual(r.client_getname(), "me")
        self.assertIn(str(r.client_id()), [client["id"] for client in r.client_list()])
        self.assertEqual(str(r.client_info()["id"]), str(r.client_id()))
        self.assertIsInstance(r.slowlog_get(), list)
        self.assertIsInstance(r.slowlog_len(), int)
        self.assertEqual(r.command_count(), len(r.command()))
        self.assertEqual(r.command_getkeys("MSET", "a", "1", "b", "2"), ["a", "b"])
        self.assertEqual(len(r.time()), 2)
        self.assertEqual((r.ping(), r.echo("hello")), (True, "hello"))
        self.assertTrue(r.flushall())
        self.assertTrue(r.swapdb(0, 1))
        self.assertIsInstance(r.memory_stats(), dict)
        self.assertIsInstance(r.lolwut(), str)

    def test_monitor(self) -> None:
        with self.r.monitor() as monitor:
            self.r.set("a", "b c")
            # The pool may have to greet the server on a new connection first.
            seen = next(command for command in monitor.listen() if command["command"].startswith("SET"))
            self.assertEqual((seen["command"], seen["db"], seen["client_type"]), ("SET a b c", 0, "tcp"))

    def test_unix_socket(self) -> None:
        with redis.Redis(unix_socket_path=self.server.socket_path, protocol=self.PROTOCOL) as r:
            self.assertTrue(r.set("a", b"\x00\r\n"))
            self.assertEqual(r.get("a"), b"\x00\r\n")

    def test_asyncio(self) -> None:
        async def main() -> None:
            pool = redis.asyncio.BlockingConnectionPool(host="127.0.0.1", port=self.server.port, protocol=self.PROTOCOL, max_connections=40)
            async with redis.asyncio.Redis.from_pool(pool) as r:
                await asyncio.gather(*(r.set(f"key:{index}", index) for index in range(200)))
                values = await asyncio.gather(*(r.get(f"key:{index}") for index in range(200)))
                self.assertEqual([int(value) for value in values], list(range(200)))
                async with r.pipeline(transaction=False) as pipe:
                    for index in range(500):
                        pipe.incr("counter")
                    self.assertEqual(await pipe.execute(), list(range(1, 501)))
                self.assertEqual(len([key async for key in r.scan_iter("key:*")]), 200)

        asyncio.run(asyncio.wait_for(main(), TOOL_SECONDS))


class RedisPyResp3(RedisPy):
    PROTOCOL = 3


class Tools(ServerTestCase):
    """Programs of the redis-tools package."""

    def tool(self, program: str, *arguments: object, stdin: bytes | None = None) -> str:
        command = [program, "-p", str(self.server.port), *map(str, arguments)]
        result = subprocess.run(command, input=stdin, capture_output=True, timeout=TOOL_SECONDS)
        output = result.stdout.decode(errors="replace")
        self.assertEqual(result.returncode, 0, f"{command}\n{output}\n{result.stderr.decode(errors='replace')}")
        self.assertNotIn("Error", result.stderr.decode(errors="replace"))
        return output

    def cli(self, *arguments: object, stdin: bytes | None = None) -> str:
        return self.tool("redis-cli", *arguments, stdin=stdin)

    def fill(self, count: int = 1_000) -> None:
        self.c.pipeline(["SET", f"key:{index}", "x" * (index % 500)] for index in range(count))

    def test_commands(self) -> None:
        self.assertEqual(self.cli("set", "a", "1"), "OK\n")
        self.assertEqual(self.cli("get", "a"), "1\n")
        self.assertEqual(self.cli("--no-raw", "get", "none"), "(nil)\n")
        self.assertEqual(self.cli("-3", "--no-raw", "get", "none"), "(nil)\n")
        self.assertEqual(self.cli("--no-raw", "incr", "a"), "(integer) 2\n")
        self.assertEqual(self.cli("-x", "set", "b", stdin=b"from\x00stdin"), "OK\n")
        self.assertEqual(self.cli("--csv", "mget", "a", "none"), '"2",NULL\n')
        self.assertEqual(json.loads(self.cli("--json", "mget", "a", "none")), ["2", None])
        self.assertIn("ERR unknown command 'nosuch'", self.cli("nosuch"))
        self.assertEqual(self.cli("-n", 5, "dbsize"), "0\n")
        self.assertEqual(self.cli("-r", 3, "incr", "r"), "1\n2\n3\n")

    def test_unix_socket(self) -> None:
        command = ["redis-cli", "-s", self.server.socket_path, "ping"]
        self.assertEqual(subprocess.run(command, capture_output=True, timeout=TOOL_SECONDS).stdout, b"PONG\n")

    def test_session_from_stdin(self) -> None:
        """Interactive use: redis-cli asks for COMMAND DOCS and speaks line by line."""
        output = self.cli(stdin=b'set greeting "hello world"\nget greeting\nselect 3\ndbsize\nhelp get\nmemory usage none\n')
        self.assertEqual(output.split("\n")[:4], ["OK", "hello world", "OK", "0"])

    def test_info_and_memory(self) -> None:
        self.fill()
        self.assertIn("# Server", self.cli("info"))
        self.assertIn("total.allocated", self.cli("memory", "stats"))
        self.assertIn("db0:keys=1000", self.cli("info", "keyspace"))
        self.assertTrue(self.cli("memory", "doctor").strip())
        self.assertEqual(self.cli("--no-raw", "-3", "memory", "usage", "none"), "(nil)\n")

    def test_scan_modes(self) -> None:
        self.fill()
        self.assertEqual(len(set(self.cli("--scan").split())), 1_000)
        self.assertEqual(len(set(self.cli("--scan", "--pattern", "key:99*").split())), 11)
        bigkeys = self.cli("--bigkeys")
        self.assertIn("Sampled 1000 keys in the keyspace!", bigkeys)
        self.assertRegex(bigkeys, r'Biggest string found .*"key:[49]99".* has 499 bytes')
        memkeys = self.cli("--memkeys")
        self.assertIn("Sampled 1000 keys in the keyspace!", memkeys)
        self.assertRegex(memkeys, r"Biggest string found .* has \d+ bytes")

    def test_pipe_mode(self) -> None:
        """Mass insertion: the whole input at once, then an ECHO that must come back last."""
        data = b"".join(encode("SET", f"key:{index}", index) for index in range(PIPED_COMMANDS))
        self.assertIn(f"errors: 0, replies: {PIPED_COMMANDS}", self.cli("--pipe", stdin=data))
        self.assertEqual(self.c.command("DBSIZE").value, PIPED_COMMANDS)
        inline = b"".join(b"INCR counter\r\n" for _ in range(1_000))
        self.assertIn("errors: 0, replies: 1000", self.cli("--pipe", stdin=inline))

    def test_stat_and_latency(self) -> None:
        self.fill(10)
        self.assertRegex(self.cli("-i", "0.01", "-r", 2, "info", "stats"), "total_commands_processed")
        stat = self.watch("redis-cli", "-p", self.server.port, "-i", "0.05", "--stat", until="10")
        self.assertIn("keys", stat)
        self.assertRegex(self.cli("--latency", "-i", "0.1", "--raw"), r"^\d+ \d+ [\d.]+ \d+")

    def test_monitor(self) -> None:
        seen = self.watch("redis-cli", "-p", self.server.port, "monitor", until='"SET" "watched" "1"', send=["SET", "watched", "1"])
        self.assertRegex(seen, r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "watched" "1"')

    def watch(self, *command: Any, until: str, send: list[str] | None = None) -> str:
        """Runs a program that never ends until its output holds a text; sends a command again and again meanwhile."""
        path = self.server.directory / "watched.txt"
        with open(path, "wb") as output:
            process = subprocess.Popen(list(map(str, command)), stdout=output, stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + TOOL_SECONDS
            while until not in (text := path.read_text(errors="replace")):
                self.assertLess(time.monotonic(), deadline, f"{command} printed only {text!r}")
                if send:
                    self.c.command(*send)
                time.sleep(0.02)
            return text
        finally:
            process.kill()
            process.wait()

    def test_benchmark(self) -> None:
        for load in BENCHMARK_LOADS:
            with self.subTest(load):
                output = self.tool("redis-benchmark", "-n", BENCHMARK_REQUESTS, "-q", *load)
                self.assertIn("requests per second", output)
                self.assertNotRegex(output, r"(?i)error|warning")
