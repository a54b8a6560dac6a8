"""Clients that misbehave, die, or come in thousands: the others notice nothing, and memory stays bounded."""

from __future__ import annotations

import random
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import Iterator

from resp import Connection, ConnectionClosed, encode
from server import LifeCycleError, Server, ServerTestCase, run_queue_seconds, seed

MEGABYTE = 1 << 20
OUTPUT_LIMIT_BYTES = MEGABYTE
QUERY_LIMIT_BYTES = MEGABYTE
BYSTANDER_SECONDS_MAX = 1.0
BYSTANDER_ROUNDS_AFTER = 5
DEAF_CLIENTS = 4
DEAF_SECONDS = 20.0
SLOW_BYTE_SECONDS = 0.05
CROWD = 10_000
SPARE_DESCRIPTORS = 200
IDLE_CROWD_BYTES_MAX = 64 * MEGABYTE
FUZZ_SECONDS = 6.0
FUZZ_CONNECTIONS = 16
MAXCLIENTS = 20
LOAD_THREADS = 4

DICTIONARY = [
    b"*1\r\n", b"*3\r\n", b"*-1\r\n", b"*0\r\n", b"$3\r\n", b"$-1\r\n", b"$0\r\n", b"\r\n", b"\n", b"\x00", b"*1048576\r\n", b"$536870912\r\n",
    b"GET", b"SET", b"EVAL", b"MSET", b"SCAN", b"HELLO", b"fuzz:", b"'", b'"', b"\\x", b"+OK\r\n", b":1\r\n", b"%2\r\n", b"~1\r\n", b"_\r\n",
]  # fmt: skip


class Bystander(threading.Thread):
    """A well-behaved client beside the faults: its own data stay right, its answers come in time.

    Time that the machine gave to others, while this thread or the server's were ready to run, does not count.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.connection = server.connect()
        self.stopped = threading.Event()
        self.failure: str | None = None
        self.slowest_seconds = 0.0
        self.rounds = 0

    def run(self) -> None:
        try:
            while not self.stopped.wait(0.001):
                self.rounds += 1
                keys = [f"bystander:{index}" for index in range(8)]
                started = self.own_seconds()
                replies = self.connection.pipeline(
                    [["MSET", *[word for key in keys for word in (key, self.rounds)]], ["MGET", *keys], ["INCR", "bystander:count"]]
                )
                self.slowest_seconds = max(self.slowest_seconds, self.own_seconds() - started)
                expected = [b"OK", [b"%d" % self.rounds] * len(keys), self.rounds]
                if [reply.python() for reply in replies] != expected:
                    self.failure = f"round {self.rounds}: {replies}"
                    return
        except Exception as error:
            self.failure = f"round {self.rounds}: {error!r}"

    def own_seconds(self) -> float:
        return time.monotonic() - run_queue_seconds() - self.server.run_queue_seconds()


class FaultTestCase(ServerTestCase):
    @contextmanager
    def bystander(self, seconds_max: float = BYSTANDER_SECONDS_MAX) -> Iterator[Bystander]:
        watch = Bystander(self.server)
        watch.start()
        try:
            yield watch
            # The faults are over: the others go on.
            rounds = watch.rounds
            self.eventually(lambda: watch.failure or watch.rounds > rounds + BYSTANDER_ROUNDS_AFTER, 10)
        finally:
            watch.stopped.set()
            watch.join(10)
            watch.connection.close()
        self.assertIsNone(watch.failure)
        self.assertLess(watch.slowest_seconds, seconds_max, "the others were kept waiting")

    def wait_for_clients(self, count: int) -> None:
        """Until the server has noticed that the others are gone."""
        self.eventually(lambda: int(self.server.info("clients")["connected_clients"]) <= count, 10)


class Readers(FaultTestCase):
    def test_never_reads(self) -> None:
        """It is disconnected past the output limit, on whichever shard it is, and memory stays near the limit."""
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", f"normal {OUTPUT_LIMIT_BYTES} 0 0"))
        self.c.command("SET", "big", "x" * 100_000)
        before = self.server.resident_bytes()
        with self.bystander():
            for deaf in [self.connect() for _ in range(DEAF_CLIENTS)]:
                deaf.socket.settimeout(0.2)
                requests = encode("GET", "big") * 100
                deadline = time.monotonic() + DEAF_SECONDS
                disconnected = False
                while time.monotonic() < deadline and not disconnected:
                    try:
                        deaf.send(requests)
                    except TimeoutError:
                        pass  # The server reads no more from it.
                    except OSError:
                        disconnected = True
                self.assertTrue(disconnected, "still connected, though it never read")
                deaf.close()
        self.assertLess(self.server.resident_bytes() - before, 64 * MEGABYTE)
        self.wait_for_clients(2)

    def test_killed_while_it_sends(self) -> None:
        """Whoever goes on sending, as fast as the server lets it, is rid of all the same, and at once."""
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"))
        with self.bystander():
            for _ in range(DEAF_CLIENTS):
                busy = self.connect()
                identifier = busy.command("CLIENT", "ID").value
                killing = threading.Timer(0.1, lambda: self.c.send(encode("CLIENT", "KILL", "ID", identifier)))
                killing.start()
                with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                    busy.socket.settimeout(DEAF_SECONDS)
                    while True:
                        busy.send(encode("PING") * 1_000)
                        busy.socket.recv(1 << 20)
                killing.join()
                self.assertEqual(self.c.read_reply().value, 1)
                busy.close()
        self.wait_for_clients(2)

    def test_never_reads_without_a_limit(self) -> None:
        """No limit is configured: the replies wait (in bounded pieces or all of them), and all come in the end."""
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"))
        self.c.command("SET", "big", "x" * 100_000)
        with self.bystander():
            late = self.connect(timeout=30)
            late.send(encode("GET", "big") * 300)
            time.sleep(0.5)
            self.assertEqual({len(reply.value) for reply in late.read_replies(300)}, {100_000})

    def test_query_buffer_is_limited(self) -> None:
        """What waits to be complete must stay within client-query-buffer-limit."""
        self.assert_ok(self.c.command("CONFIG", "SET", "client-query-buffer-limit", QUERY_LIMIT_BYTES))
        try:
            greedy = self.connect()
            with self.bystander(), self.assertRaises((ConnectionClosed, OSError)):
                greedy.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (10 * QUERY_LIMIT_BYTES))
                for _ in range(9):
                    greedy.send(b"x" * QUERY_LIMIT_BYTES)
                    if greedy.is_closed(within_seconds=0.05):
                        raise ConnectionClosed
        finally:
            self.assert_ok(self.connect().command("CONFIG", "SET", "client-query-buffer-limit", "1gb"))

    def test_slow_senders(self) -> None:
        """A byte now and then, from many: each gets its answer, nobody else waits."""
        data = encode("SET", "slow", "value")
        with self.bystander():
            slow = [self.connect() for _ in range(50)]
            for byte in data:
                for c in slow:
                    c.send(bytes([byte]))
                time.sleep(SLOW_BYTE_SECONDS)
            for c in slow:
                self.assert_ok(c.read_reply())

    def test_vanishes_in_the_middle(self) -> None:
        """Of a message, of a pipeline, of a reply; with FIN and with RST."""
        self.c.command("SET", "big", "x" * 100_000)
        unfinished = [
            b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nxxx", b"*1000\r\n$4\r\nMSET\r\n", b"$", b"GET bi", encode("GET", "big") * 50,
            encode("MGET", *["big"] * 20) + b"*2\r\n", encode("SET", "a", "1") * 1_000 + b"*3\r\n$3\r\nSE",
        ]  # fmt: skip
        with self.bystander():
            for turn in range(20):
                for data in unfinished:
                    c = Connection.tcp(self.server.port)
                    c.send(data)
                    if turn % 2:
                        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                    c.close()
        self.wait_for_clients(2)

    def test_commands_of_a_client_that_closed_its_sending_side(self) -> None:
        """What was sent before the FIN is carried out."""
        self.c.command("DEL", "n")
        c = self.connect()
        c.send(encode("INCR", "n") * 500)
        c.socket.shutdown(socket.SHUT_WR)
        c.read_until_closed()
        self.assertEqual(self.c.command("GET", "n").value, b"500")


class Limits(FaultTestCase):
    OPTIONS = {"maxclients": MAXCLIENTS}

    def test_one_over_maxclients(self) -> None:
        # Whoever looked whether the server is up may not have been forgotten yet.
        self.eventually(lambda: b"connected_clients:1\r" in self.c.command("INFO", "clients").value)
        with self.bystander():
            others = [self.connect() for _ in range(MAXCLIENTS - 2)]
            for c in others:
                self.assertEqual(c.command("PING").value, b"PONG")
            one_over = Connection.tcp(self.server.port)
            self.addCleanup(one_over.close)
            replies = one_over.read_until_closed()
            self.assertEqual([(reply.kind, reply.text) for reply in replies], [("error", "ERR max number of clients reached")])
            for c in others:
                self.assertEqual(c.command("PING").value, b"PONG")
                c.close()
        self.wait_for_clients(2)
        self.assertGreaterEqual(int(self.server.info("stats")["rejected_connections"]), 1)
        self.assertEqual(self.connect().command("PING").value, b"PONG")


class Idle(FaultTestCase):
    OPTIONS = {"timeout": 1}

    def test_idle_clients_are_closed_and_busy_ones_are_not(self) -> None:
        idle = [self.connect() for _ in range(10)]
        with self.bystander():
            for c in idle:
                c.socket.settimeout(10)
                self.assertEqual(c.read_until_closed(), [])


class Crowds(FaultTestCase):
    OPTIONS = {"maxclients": CROWD + SPARE_DESCRIPTORS // 2}

    @classmethod
    def setUpClass(cls) -> None:
        wanted = CROWD + SPARE_DESCRIPTORS
        cls.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, cls.limits[0]), max(wanted, cls.limits[1])))
        except (ValueError, OSError) as error:
            cls.skipTest(cls, f"{wanted} descriptors are not to be had: {error}")  # type: ignore[arg-type]
        super().setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        resource.setrlimit(resource.RLIMIT_NOFILE, cls.limits)

    def test_ten_thousand_at_once(self) -> None:
        before = self.server.resident_bytes()
        started = time.monotonic()
        with self.bystander(seconds_max=2.0):
            crowd = self.connect_crowd()
            connected = time.monotonic() - started
            self.eventually(lambda: int(self.server.info("clients")["connected_clients"]) >= CROWD, 20)
            grown = self.server.resident_bytes() - before
            for index, c in enumerate(crowd):
                c.sendall(encode("SET", f"crowd:{index}", index))
            for c in crowd:
                self.assertEqual(c.recv(64), b"+OK\r\n")
            self.assertEqual(self.c.command("GET", f"crowd:{CROWD - 1}").value, b"%d" % (CROWD - 1))
            for c in crowd:
                c.close()
        print(f"{CROWD} connected in {connected:.1f} s, answered in {time.monotonic() - started:.1f} s, {grown / CROWD:.0f} B each idle")
        self.wait_for_clients(2)
        if self.server.is_pantala:
            self.assertLess(grown, IDLE_CROWD_BYTES_MAX)

    def connect_crowd(self) -> list[socket.socket]:
        crowd = []
        for _ in range(CROWD):
            sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
            self.addCleanup(sock.close)
            crowd.append(sock)
        return crowd


class Fuzz(FaultTestCase):
    def test_garbage_and_mutated_commands(self) -> None:
        start_seed = seed()
        print(f"seed {start_seed}, {FUZZ_SECONDS} s")
        random_source = random.Random(start_seed)
        sent = 0
        deadline = time.monotonic() + FUZZ_SECONDS
        with self.bystander():
            while time.monotonic() < deadline:
                connections = [Connection.tcp(self.server.port) for _ in range(FUZZ_CONNECTIONS)]
                for c in connections:
                    c.socket.settimeout(0.5)
                    try:
                        for _ in range(random_source.randint(1, 8)):
                            c.send(self.garbage(random_source))
                            sent += 1
                            if random_source.random() < 0.3:
                                c.socket.setblocking(False)
                                c.socket.recv(1 << 16)
                    except OSError:
                        pass  # It may close at any time, and need not answer.
                for c in connections:
                    c.close()
                self.server.check_alive()
        print(f"{sent} pieces sent")
        self.wait_for_clients(2)

    @staticmethod
    def garbage(random_source: random.Random) -> bytes:
        kind = random_source.random()
        if kind < 0.2:
            return random_source.randbytes(random_source.randint(1, 2_000))
        if kind < 0.45:
            return b"".join(random_source.choices(DICTIONARY, k=random_source.randint(1, 30)))
        # A valid command with bytes changed, cut out or doubled; on keys of its own.
        key = f"fuzz:{random_source.randrange(20)}"
        data = bytearray(encode(*random_source.choice([
            ["SET", key, "value", "EX", "100"], ["MSET", key, "1", key + "x", "2"], ["GET", key], ["INCRBY", key, "5"], ["SCAN", "0"],
            ["GETRANGE", key, "0", "-1"], ["SETRANGE", key, "5", "xx"], ["RENAME", key, key + "y"], ["EXPIRE", key, "10"], ["LCS", key, key],
            ["CLIENT", "LIST"], ["CONFIG", "GET", "*"], ["INFO", "all"], ["MEMORY", "STATS"], ["COMMAND", "DOCS", "get"], ["HELLO", "3"],
        ])))  # fmt: skip
        for _ in range(random_source.randint(0, 3)):
            place = random_source.randrange(len(data))
            change = random_source.random()
            if change < 0.5:
                data[place] = random_source.randrange(256)
            elif change < 0.75:
                del data[place : place + random_source.randint(1, 4)]
                data = data or bytearray(b"\r\n")
            else:
                data[place:place] = data[place : place + 6]
        return bytes(data)


class Deaths(FaultTestCase):
    def test_clients_killed_in_full_flight(self) -> None:
        """SIGKILL to whole client processes with pipelines under way."""
        with self.bystander(seconds_max=2.0):
            for _ in range(5):
                process = subprocess.Popen(
                    ["redis-benchmark", "-p", str(self.server.port), "-n", "10000000", "-c", "50", "-P", "32", "-q", "-t", "set,get"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                time.sleep(0.3)
                process.send_signal(signal.SIGKILL)
                process.wait()
        self.wait_for_clients(2)

    def test_signals_end_a_loaded_server_in_order(self) -> None:
        for end in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(end.name):
                server = Server(shards=2)
                threads = [threading.Thread(target=self.load, args=(server, number), daemon=True) for number in range(LOAD_THREADS)]
                for thread in threads:
                    thread.start()
                time.sleep(0.5)
                server.stop(with_signal=end)
                for thread in threads:
                    thread.join(10)
                    self.assertFalse(thread.is_alive(), "a client was left hanging")
                with self.assertRaises(OSError):
                    Connection.tcp(server.port, timeout=1)

    @staticmethod
    def load(server: Server, number: int) -> None:
        try:
            with Connection.tcp(server.port, timeout=5) as c:
                while True:
                    c.pipeline(["MSET", f"{number}:{index}", index, f"other:{index}", index] for index in range(200))
        except (ConnectionClosed, OSError):
            pass

    def test_a_second_server_on_the_port_says_so(self) -> None:
        result = subprocess.run(
            [self.server.binary, "--port", str(self.server.port), "--bind", "127.0.0.1"], capture_output=True, text=True, timeout=10
        )
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stdout + result.stderr, r"(?i)address already in use")

    def test_life_cycle_check_sees_a_crash(self) -> None:
        """(The harness itself: a dead server does not go unnoticed.)"""
        server = Server()
        server.kill()
        with self.assertRaises(LifeCycleError):
            server.stop()
