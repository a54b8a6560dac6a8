"""The server under test: Pantala, or a redis-server beside which the checkers are tested."""

from __future__ import annotations

import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from resp import Connection, ErrorReply

START_SECONDS = 10.0
STOP_SECONDS = 10.0
AUDIT_SECONDS = 60.0
ATTEMPTS = 5
LOG_BYTES_SHOWN = 3_000
CRASH = re.compile(r"Fatal error|Precondition failed|Crash|crashed|BUG REPORT")
DEFAULT_PORTS = range(12_000, 32_000)


class ServerError(Exception):
    """It did not start, died, or did not end in order."""


class Server:
    def __init__(self, binary: str, shards: int, ports: range = DEFAULT_PORTS) -> None:
        self.binary, self.shards = binary, shards
        self.is_redis = "Redis server v=" in subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
        self._directory = Path(tempfile.mkdtemp(prefix="pantala-consistency-"))
        self._output = self._directory / "output.log"
        for _ in range(ATTEMPTS):
            self.port = _free_port(ports)
            options = ["--save", "", "--appendonly", "no"] if self.is_redis else ["--shards", str(shards)]
            with open(self._output, "wb") as output:
                self._process = subprocess.Popen(
                    [binary, "--port", str(self.port), "--bind", "127.0.0.1", *options],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._directory,
                )
            if self._is_ready():
                return
            self._process.kill()
            self._process.wait()
        raise ServerError(f"{binary} does not start:\n{self.log()}")

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with Connection(self.port, 1.0) as connection:
                    return connection.command(b"PING") == b"PONG"
            except OSError:
                time.sleep(0.01)
        return False

    def log(self) -> str:
        """The end of the log, or the beginning of what it says about a crash."""
        text = self._output.read_text(errors="replace")
        crash = CRASH.search(text)
        return text[crash.start() :][:LOG_BYTES_SHOWN] if crash else text[-LOG_BYTES_SHOWN:]

    def check_alive(self) -> None:
        if (code := self._process.poll()) is not None:
            raise ServerError(f"the server died with code {code}:\n{self.log()}")

    def audit(self) -> None:
        """Whatever transactions did, at the end the books of the memory agree with what there is."""
        if self.is_redis:
            return
        with Connection(self.port, AUDIT_SECONDS) as connection:
            reply = connection.command(b"MEMORY", b"AUDIT")
        if isinstance(reply, ErrorReply):
            raise ServerError(f"no audit: {reply}")
        fields = dict(zip(reply[::2], reply[1::2]))
        if fields[b"differences"]:
            checks = [dict(zip(check[::2], check[1::2])) for check in fields[b"checks"]]
            lines = [str(check) for check in checks if check[b"difference"]]
            raise ServerError("the audit of the memory found differences:\n" + "\n".join(lines))

    def stop(self) -> None:
        try:
            self.check_alive()
            self.audit()
            self._process.send_signal(signal.SIGTERM)
            try:
                code = self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                raise ServerError(f"still running {STOP_SECONDS:.0f} s after it was told to end:\n{self.log()}") from None
            if code != 0:
                raise ServerError(f"ended with code {code}:\n{self.log()}")
        finally:
            self.discard()

    def discard(self) -> None:
        """Ends it anyhow, and checks nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


def _free_port(ports: range) -> int:
    while True:
        port = random.SystemRandom().choice(ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
