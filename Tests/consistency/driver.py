"""Client processes: each drives many connections, and each connection follows a script.

A script is a generator. It yields an `Exchange` (commands sent at once) and gets an `Answer` when all replies are there.
What a script does next it draws from its own random source before it sees a reply, so the same seed gives the same
operations to every client, whatever the server does.
"""

from __future__ import annotations

import gc
import marshal
import os
import select
import socket
import struct
import sys
import time
import traceback
from random import Random
from typing import Any, Generator, NamedTuple, Sequence

from history import FOREVER, UNKNOWN
from resp import Command, ReplyReader, encode

# A cut connection's client goes on under its number plus this.
INCARNATION = 10_000
HANG_SECONDS = 30.0
LINGER_ZERO = struct.pack("ii", 1, 0)

monotonic_ns = time.monotonic_ns


class Exchange(NamedTuple):
    commands: Sequence[Command]
    # None: send everything and wait. Else: hang up after this part of the bytes, without reading a reply.
    cut_after: float | None = None
    # A connection that is cut: is it reset, or closed in order?
    reset: bool = False


class Answer(NamedTuple):
    call: int
    replies: list[Any]
    returns: list[int]
    # Whether all replies came. (Else the connection is gone.)
    complete: bool
    # Of a cut connection: whether the last command left whole.
    all_sent: bool = True


Steps = Generator[Exchange, Answer, Any]


class Script:
    """What one client does; workloads subclass it with `operation`."""

    def __init__(self, number: int, seed: str, deadline: int) -> None:
        self.number = number
        self.client = number
        self.deadline = deadline
        self.random = Random(f"{seed}/{number}")
        self.records: list[tuple] = []
        self.problems: list[str] = []
        self._values = 0
        self._groups = 0

    def run(self) -> Steps:
        index = 0
        while monotonic_ns() < self.deadline:
            yield from self.operation(index)
            index += 1

    def operation(self, index: int) -> Steps:
        raise NotImplementedError

    def unique_value(self) -> bytes:
        self._values += 1
        return b"%d.%d" % (self.number, self._values)

    def new_group(self) -> int:
        self._groups += 1
        return self._groups

    def record(self, call: int, ret: int, status: int, kind: str, content: Any, group: int = 0) -> None:
        self.records.append((self.client, call, ret, status, kind, content, group))

    def record_unknown(self, answer: Answer, kind: str, content: Any) -> None:
        self.records.append((self.client, answer.call, FOREVER, UNKNOWN, kind, content, 0))

    def reconnected(self) -> None:
        """The connection is another now, and so is the client: what it sent before may yet happen."""
        self.client += INCARNATION

    def refuse(self, command: Any, reply: Any) -> None:
        """A reply that no history explains."""
        if len(self.problems) < 20:
            self.problems.append(f"client {self.client}: {command!r} was answered {reply!r}")


class Link:
    """A script and its connection."""

    def __init__(self, script: Script, port: int, poll: select.epoll, links: dict[int, "Link"]) -> None:
        self.script = script
        self._port, self._poll, self._links = port, poll, links
        self._steps = script.run()
        self._socket: socket.socket | None = None
        self.exchange: Exchange | None = None
        self.since = 0

    def start(self) -> None:
        self._go_on(None)

    def _go_on(self, answer: Answer | None) -> None:
        """Runs the script until it waits for replies."""
        while True:
            try:
                exchange = self._steps.send(answer) if answer else next(self._steps)
            except StopIteration:
                self.exchange = None
                self._hang_up(reset=False)
                return
            self.exchange = exchange
            data = b"".join(map(encode, exchange.commands))
            sent = data if exchange.cut_after is None else data[: max(1, int(len(data) * exchange.cut_after))]
            self._replies: list[Any] = []
            self._returns: list[int] = []
            try:
                if not self._socket:
                    self._connect()
                self.since = monotonic_ns()
                self._socket.sendall(sent)
            except OSError as error:
                self.script.problems.append(f"client {self.script.client}: {error}")
                self._hang_up(reset=False)
                return
            if exchange.cut_after is None:
                return
            self._hang_up(exchange.reset)
            answer = Answer(self.since, [], [], False, len(sent) == len(data))

    def readable(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        now = monotonic_ns()
        if not data:
            self.script.problems.append(f"client {self.script.client}: the server closed the connection")
            self._hang_up(reset=False)
            self._go_on(Answer(self.since, self._replies, self._returns, False))
            return
        for reply in self._reader.feed(data):
            self._replies.append(reply)
            self._returns.append(now)
        if len(self._replies) >= len(self.exchange.commands):
            self._go_on(Answer(self.since, self._replies, self._returns, True))

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), HANG_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = ReplyReader()
        self._links[self._socket.fileno()] = self
        self._poll.register(self._socket.fileno(), select.EPOLLIN)

    def _hang_up(self, reset: bool) -> None:
        if not self._socket:
            return
        self._poll.unregister(self._socket.fileno())
        del self._links[self._socket.fileno()]
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._socket.close()
        self._socket = None


def drive(scripts: Sequence[Script], port: int, start: int, hang_seconds: float = HANG_SECONDS) -> None:
    """Runs scripts to their ends over one epoll. A reply that doesn't come is a problem of its script."""
    poll = select.epoll()
    waiting: dict[int, Link] = {}
    links = [Link(script, port, poll, waiting) for script in scripts]
    time.sleep(max(0.0, (start - monotonic_ns()) / 1e9))
    for link in links:
        link.start()
    while waiting:
        events = poll.poll(1.0)
        for descriptor, _ in events:
            if link := waiting.get(descriptor):
                link.readable()
        if not events:
            overdue = monotonic_ns() - int(hang_seconds * 1e9)
            hung = [link for link in waiting.values() if link.since < overdue]
            for link in hung:
                sent = ", ".join(b" ".join(command).decode(errors="replace") for command in link.exchange.commands)
                link.script.problems.append(f"client {link.script.client}: no reply for {hang_seconds:.0f} s to: {sent}")
            if hung:
                return


class ProcessResult(NamedTuple):
    records: list[tuple]
    problems: list[str]


def run_in_processes(scripts: Sequence[Script], processes: int, port: int, start: int) -> list[ProcessResult]:
    """Runs the scripts in child processes; one result for each script, in order."""
    gc.collect()
    children = []
    for index in range(processes):
        mine = range(index, len(scripts), processes)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _be_child([scripts[each] for each in mine], port, start, writing)
        os.close(writing)
        children.append((child, reading, mine))
    results: dict[int, ProcessResult] = {}
    for child, reading, mine in children:
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(child, 0)
        if status or not data:
            raise RuntimeError("a client process failed; its error stands above")
        for index, (records, problems) in zip(mine, marshal.loads(data)):
            results[index] = ProcessResult(records, problems)
    return [results[index] for index in range(len(scripts))]


def _be_child(scripts: Sequence[Script], port: int, start: int, writing: int) -> None:
    """Never returns: a forked child must not run its parent's code."""
    try:
        gc.disable()
        drive(scripts, port, start)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(marshal.dumps([(script.records, script.problems) for script in scripts]))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
