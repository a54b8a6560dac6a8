"""The server under test: which binary it is, how one is started, how its life must end.

A server's life is itself a test: when it is stopped it must still be alive, have no error in its log, and end
on SIGTERM with code 0 within a few seconds.
"""

from __future__ import annotations

import functools
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import redis

from resp import Connection, ConnectionClosed, ProtocolViolation, Reply

REPOSITORY = Path(__file__).resolve().parents[2]
REFERENCE_BINARY = "redis-server"
# Generous, for machines that do other things meanwhile.
START_SECONDS = 30.0
STOP_SECONDS = 30.0
CONDITION_SECONDS = 20.0
AUDIT_SECONDS = 60.0
AUDIT_PAUSE_SECONDS = 0.5
START_ATTEMPTS = 5
# Below the range of ports that outgoing connections take (see ip_local_port_range).
PORT_RANGE = range(12_000, 32_000)
FOREVER_SECONDS = 3600

# What a log must not hold: a line of level error or worse (its level stands near the start), or a crash.
ERROR_LEVEL = re.compile(r"^.{0,60}\b(error|critical|fatal)\b", re.IGNORECASE)
CRASH = re.compile(r"Fatal error|Precondition failed|Assertion failed|BUG REPORT|Crash report|stack trace", re.IGNORECASE)


def binary_under_test() -> str:
    return os.environ.get("PANTALA_BINARY") or str(REPOSITORY / ".build" / "release" / "pantala")


@functools.cache
def version_of(binary: str) -> tuple[bool, tuple[int, ...]]:
    """(is it Pantala?, the Redis version whose commands it has)."""
    output = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=START_SECONDS).stdout
    if match := re.search(r"Redis server v=(\d+)\.(\d+)\.(\d+)", output):
        return False, tuple(int(part) for part in match.groups())
    return True, (7, 4, 0)


def is_pantala() -> bool:
    return version_of(binary_under_test())[0]


def seed(default: int = 20_240_117) -> int:
    """The seed of this run: `run --seed N`."""
    return int(os.environ.get("INTEGRATION_SEED", default))


class LifeCycleError(AssertionError):
    """The server died, logged an error, or did not end in order."""


class Server:
    """One running server. `options` are redis.conf names for the command line (a value of None leaves one out),
    `configuration` is the text of a file given beside them."""

    def __init__(
        self,
        binary: str | None = None,
        shards: int = 2,
        configuration: str | None = None,
        address_space_bytes: int | None = None,
        **options: Any,
    ) -> None:
        self.binary = binary or binary_under_test()
        self.is_pantala, self.version = version_of(self.binary)
        self.shards = shards
        self.address_space_bytes = address_space_bytes
        self.options = {name.replace("_", "-"): value for name, value in options.items()}
        self.password = self.options.get("requirepass")
        self.directory = Path(tempfile.mkdtemp(prefix="pantala-test-"))
        self.output_path = self.directory / "output.log"
        self.log_path = self.directory / "server.log"
        self.socket_path = str(self.directory / "server.sock")
        self.configuration_path: Path | None = None
        if configuration is not None:
            self.configuration_path = self.directory / "server.conf"
            self.configuration_path.write_text(configuration)
            if match := re.search(r'^requirepass "?([^"\n]*)"?$', configuration, re.MULTILINE):
                self.password = self.password or match[1]
        self.expected_log_errors: list[str] = []
        self._connections: list[Connection] = []
        self._start()

    @classmethod
    def reference(cls, **options: Any) -> "Server":
        return cls(binary=REFERENCE_BINARY, **options)

    # Starting

    def _arguments(self, port: int) -> list[str]:
        options = {
            "port": port,
            "bind": "127.0.0.1",
            "unixsocket": self.socket_path,
            "logfile": self.log_path,
            "dir": self.directory,
        }
        if self.is_pantala:
            options["shards"] = self.shards
            del options["dir"]
        else:
            options["save"] = ""
            # Else it takes a payload with a valid checksum at its word, and comes down on a bad one later.
            options["sanitize-dump-payload"] = "yes"
        options |= self.options
        arguments = [self.binary]
        if self.configuration_path:
            arguments.append(str(self.configuration_path))
        for name, value in options.items():
            if value is not None:
                arguments += [f"--{name}", str(value)]
        return arguments

    def _start(self) -> None:
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            with open(self.output_path, "wb") as output:
                self.process = subprocess.Popen(
                    self._arguments(self.port),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.directory,
                    preexec_fn=self._limit_address_space if self.address_space_bytes else None,
                )
            started = time.monotonic()
            if self._wait_until_ready():
                self.start_seconds = time.monotonic() - started
                return
            self.kill()
            if "in use" not in self.log():
                break
        raise LifeCycleError(f"{self.binary} did not start: {' '.join(self._arguments(self.port))}\n{self.log()}")

    def _limit_address_space(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (self.address_space_bytes, self.address_space_bytes))

    def start_again(self) -> None:
        """After a crash that was noted: the same server, on another port."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._start()

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with Connection.tcp(self.port, timeout=1.0) as connection:
                    connection.command("PING")
                    return True
            except OSError:
                time.sleep(0.005)
        return False

    # Connections

    def connect(self, protocol: int = 2, **options: Any) -> Connection:
        """A raw connection, closed when the server stops; authenticated if the server asks for it."""
        connection = Connection.tcp(self.port, **options)
        if self.password:
            connection.command("AUTH", self.password)
        self._connections.append(connection)
        return connection._hello(protocol)

    def connect_unix(self, protocol: int = 2) -> Connection:
        connection = Connection.unix(self.socket_path, protocol=protocol)
        self._connections.append(connection)
        return connection

    def redis(self, **options: Any) -> redis.Redis:
        options.setdefault("protocol", 2)
        return redis.Redis(host="127.0.0.1", port=self.port, password=self.password, **options)

    def info(self, section: str = "everything") -> dict[str, str]:
        with Connection.tcp(self.port) as connection:
            if self.password:
                connection.command("AUTH", self.password)
            lines = connection.command("INFO", section).text.split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    def run_queue_seconds(self) -> float:
        """How long the server's threads were ready to run and had no core, all in all: the machine's doing, not theirs."""
        paths = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(run_queue_seconds(path) for path in paths)

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def resident_file_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[2])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # Ending

    def log(self) -> str:
        text = ""
        for path in (self.log_path, self.output_path):
            if path.exists():
                text += path.read_text(errors="replace")
        return text

    def log_errors(self) -> list[str]:
        lines = []
        for line in self.log().splitlines():
            bad = CRASH.search(line) or (self.is_pantala and ERROR_LEVEL.search(line))
            if bad and not any(expected in line for expected in self.expected_log_errors):
                lines.append(line)
        return lines

    def check_alive(self) -> None:
        if (code := self.process.poll()) is not None:
            raise LifeCycleError(f"the server died with code {code}:\n{self.log()[-4000:]}")

    def audit(self) -> None:
        """Whatever a server has gone through, at the end its books agree with what there is, to the byte."""
        if not self.is_pantala:
            return
        # Clients that are still there are audited, too; but perhaps there is no room for one more.
        try:
            fields = self._ask_for_audit().fields()
        except (OSError, ConnectionClosed, ProtocolViolation):
            for connection in self._connections:
                connection.close()
            time.sleep(AUDIT_PAUSE_SECONDS)
            fields = self._ask_for_audit().fields()
        if fields["differences"].value:
            checks = [check.fields() for check in fields["checks"].value]
            lines = [str({name: item.value for name, item in check.items()}) for check in checks if check["difference"].value]
            raise LifeCycleError("the audit of the memory found differences:\n" + "\n".join(lines))

    def _ask_for_audit(self) -> Reply:
        with Connection.tcp(self.port, timeout=AUDIT_SECONDS) as connection:
            if self.password:
                connection.command("AUTH", self.password)
            reply = connection._hello(3).command("MEMORY", "AUDIT")
        if reply.kind != "map":
            raise ProtocolViolation(f"no audit: {reply}")
        return reply

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server and checks its whole life."""
        try:
            self.check_alive()
            self.audit()
            self.process.send_signal(with_signal)
            self.wait_for_exit()
            if errors := self.log_errors():
                raise LifeCycleError("errors in the log:\n" + "\n".join(errors[:20]))
        finally:
            self.discard()

    def discard(self) -> None:
        """Leaves nothing behind, and checks nothing."""
        self.kill()
        for connection in self._connections:
            connection.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_for_exit(self, code: int = 0) -> None:
        try:
            actual = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise LifeCycleError(f"still running {STOP_SECONDS} s after it was told to end") from None
        if actual != code:
            raise LifeCycleError(f"ended with code {actual} instead of {code}:\n{self.log()[-4000:]}")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, error: Any, *_: Any) -> None:
        if error is None:
            self.stop()
            return
        try:
            self.stop()
        except LifeCycleError as failure:
            print(f"besides: {failure}")


def run_queue_seconds(path: Path = Path("/proc/thread-self/schedstat")) -> float:
    """How long a thread, else the calling one, has waited for a core so far; 0 where the kernel does not say."""
    try:
        return int(path.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


_ports_tried = random.SystemRandom()


def free_port() -> int:
    """A port nobody listens on. `run` gives each of its processes a slice of its own."""
    start = int(os.environ.get("INTEGRATION_PORT_START", PORT_RANGE.start))
    count = int(os.environ.get("INTEGRATION_PORT_COUNT", len(PORT_RANGE)))
    while True:
        port = start + _ports_tried.randrange(count)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class ServerTestCase(unittest.TestCase):
    """Tests that share one server, emptied before each test."""

    SHARDS = 2
    OPTIONS: dict[str, Any] = {}
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(shards=cls.SHARDS, **cls.OPTIONS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def setUp(self) -> None:
        self.c = self.server.connect()
        self.c.command("FLUSHALL")

    def tearDown(self) -> None:
        self.c.close()
        self.server.check_alive()

    def connect(self, protocol: int = 2, **options: Any) -> Connection:
        connection = self.server.connect(protocol, **options)
        self.addCleanup(connection.close)
        return connection

    def require_version(self, *version: int) -> None:
        """Skips where the binary is a Redis older than the feature."""
        if self.server.version < version:
            self.skipTest(f"needs the commands of Redis {'.'.join(map(str, version))}")

    def require_pantala(self, why: str) -> None:
        if not self.server.is_pantala:
            self.skipTest(f"only Pantala: {why}")

    def require_commands(self, *names: str) -> None:
        """Skips where the server lacks one of them, as a redis-server that is older does."""
        infos = self.c.command("COMMAND", "INFO", *names).value
        if lacking := [name for name, info in zip(names, infos) if info.is_null]:
            self.skipTest(f"no {' '.join(lacking)}")

    def assert_ok(self, reply: Any) -> None:
        self.assertEqual((reply.kind, reply.value), ("simple", b"OK"))

    def assert_error(self, reply: Any, text: str) -> None:
        """The exact text of an error, its code included."""
        self.assertEqual((reply.kind, reply.text if reply.is_error else reply.value), ("error", text))

    def eventually(self, condition: Any, within_seconds: float = CONDITION_SECONDS, message: str = "") -> Any:
        """Waits, bounded, until condition() is true and returns what it returned."""
        deadline = time.monotonic() + within_seconds
        while True:
            if result := condition():
                return result
            if time.monotonic() > deadline:
                self.fail(message or f"did not come true within {within_seconds} s")
            time.sleep(0.02)
