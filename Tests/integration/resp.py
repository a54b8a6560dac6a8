"""A small RESP client of our own: exact reply trees, and bytes that no ordinary client would send.

A reply is a `Reply(kind, value)`; nothing is converted, so that two servers can be compared to the byte:

    with Connection.tcp(6379) as c:
        c.command("SET", "k", "v")            # Reply(kind='simple', value=b'OK')
        c.command("GET", "missing")           # Reply(kind='null-bulk', value=None)   (RESP3: 'null')
        c.send(b"*-5\\r\\n")                    # whatever bytes one likes

Kinds: simple error integer bulk null-bulk array null-array            (RESP2)
       null map set double boolean verbatim push bignumber bulk-error attribute   (RESP3)
"""

from __future__ import annotations

import select
import socket
import time
from typing import Any, Iterable, NamedTuple

DEFAULT_TIMEOUT_SECONDS = 10.0
RECEIVE_BYTES = 1 << 18


class Reply(NamedTuple):
    kind: str
    value: Any

    @property
    def is_error(self) -> bool:
        return self.kind in ("error", "bulk-error")

    @property
    def is_null(self) -> bool:
        return self.kind in ("null", "null-bulk", "null-array")

    @property
    def text(self) -> str:
        """The value of a text-like reply as str (errors, simple strings, bulks, verbatim without its tag)."""
        value = self.value[4:] if self.kind == "verbatim" else self.value
        return value.decode("utf-8", "backslashreplace")

    def python(self) -> Any:
        """Plain Python values: bytes, int, float, bool, None, list and dict (of a RESP3 map)."""
        if self.kind in ("array", "set", "push"):
            return [item.python() for item in self.value]
        if self.kind in ("map", "attribute"):
            return {key.python(): item.python() for key, item in self.value}
        if self.kind == "double":
            return float(self.value)
        if self.kind == "verbatim":
            return self.value[4:]
        return self.value

    def pairs(self) -> list[tuple["Reply", "Reply"]]:
        """Name and value of a map, or of the flat array that RESP2 makes of it."""
        if self.kind == "map":
            return list(self.value)
        return list(zip(self.value[::2], self.value[1::2], strict=True))

    def fields(self) -> dict[str, "Reply"]:
        return {name.text: item for name, item in self.pairs()}


class ProtocolViolation(Exception):
    """The server sent something that is not RESP."""


class ConnectionClosed(Exception):
    """The server closed the connection where a reply was expected."""


class _Incomplete(Exception):
    pass


_LINE_KINDS = {ord("+"): "simple", ord("-"): "error", ord(","): "double", ord("("): "bignumber"}
_BULK_KINDS = {ord("$"): "bulk", ord("="): "verbatim", ord("!"): "bulk-error"}
_SEQUENCE_KINDS = {ord("*"): "array", ord("~"): "set", ord(">"): "push"}
_MAP_KINDS = {ord("%"): "map", ord("|"): "attribute"}
_OK = Reply("simple", b"OK")


class Parser:
    """Bytes in, replies out; keeps what is not complete yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> None:
        if self._position and self._position == len(self._buffer):
            self._buffer.clear()
            self._position = 0
        elif self._position > (1 << 20):
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    @property
    def pending(self) -> bytes:
        return bytes(self._buffer[self._position :])

    def next(self) -> Reply | None:
        try:
            reply, self._position = self._parse(self._position)
            return reply
        except _Incomplete:
            return None

    def _parse(self, position: int) -> tuple[Reply, int]:
        buffer = self._buffer
        end = buffer.find(b"\r\n", position)
        if end < 0:
            raise _Incomplete
        mark = buffer[position]
        line = bytes(buffer[position + 1 : end])
        end += 2
        if mark in _LINE_KINDS:
            return (_OK if mark == 43 and line == b"OK" else Reply(_LINE_KINDS[mark], line)), end
        if mark == ord(":"):
            return Reply("integer", int(line)), end
        if mark in _BULK_KINDS:
            length = int(line)
            if length == -1 and mark == ord("$"):
                return Reply("null-bulk", None), end
            if len(buffer) < end + length + 2:
                raise _Incomplete
            if buffer[end + length : end + length + 2] != b"\r\n":
                raise ProtocolViolation(f"bulk of {length} bytes does not end in CRLF")
            return Reply(_BULK_KINDS[mark], bytes(buffer[end : end + length])), end + length + 2
        if mark in _SEQUENCE_KINDS:
            count = int(line)
            if count == -1 and mark == ord("*"):
                return Reply("null-array", None), end
            items = []
            for _ in range(count):
                item, end = self._parse(end)
                items.append(item)
            return Reply(_SEQUENCE_KINDS[mark], tuple(items)), end
        if mark in _MAP_KINDS:
            pairs = []
            for _ in range(int(line)):
                key, end = self._parse(end)
                item, end = self._parse(end)
                pairs.append((key, item))
            return Reply(_MAP_KINDS[mark], tuple(pairs)), end
        if mark == ord("_"):
            return Reply("null", None), end
        if mark == ord("#"):
            return Reply("boolean", line == b"t"), end
        raise ProtocolViolation(f"unknown type byte {bytes([mark])!r} before {line[:60]!r}")


def to_bytes(argument: Any) -> bytes:
    if isinstance(argument, (bytes, bytearray, memoryview)):
        return bytes(argument)
    return str(argument).encode()


def encode(*arguments: Any) -> bytes:
    """One request as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if type(argument) is bytes else to_bytes(argument)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """A blocking connection. Every wait is bounded by `timeout` seconds."""

    def __init__(self, sock: socket.socket, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.socket = sock
        self.timeout = timeout
        self.parser = Parser()
        sock.settimeout(timeout)

    @classmethod
    def tcp(cls, port: int, host: str = "127.0.0.1", protocol: int = 2, **options: Any) -> "Connection":
        sock = socket.create_connection((host, port), timeout=options.get("timeout", DEFAULT_TIMEOUT_SECONDS))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(sock, **options)._hello(protocol)

    @classmethod
    def unix(cls, path: str, protocol: int = 2, **options: Any) -> "Connection":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(options.get("timeout", DEFAULT_TIMEOUT_SECONDS))
        sock.connect(path)
        return cls(sock, **options)._hello(protocol)

    def _hello(self, protocol: int) -> "Connection":
        if protocol != 2:
            reply = self.command("HELLO", protocol)
            if reply.is_error:
                raise ProtocolViolation(f"HELLO {protocol}: {reply.text}")
        return self

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # Requests

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def command(self, *arguments: Any) -> Reply:
        self.send(encode(*arguments))
        return self.read_reply()

    def pipeline(self, commands: Iterable[Iterable[Any]]) -> list[Reply]:
        """All commands at once; reads replies while it writes, so that neither side can block the other."""
        requests = [encode(*command) for command in commands]
        return self.exchange(b"".join(requests), len(requests))

    def exchange(self, data: bytes, reply_count: int) -> list[Reply]:
        replies: list[Reply] = []
        if len(data) < 1 << 14:
            self.send(data)
        else:
            self._send_while_reading(data, replies)
        while len(replies) < reply_count:
            replies.append(self.read_reply())
        return replies

    def _send_while_reading(self, data: bytes, replies: list[Reply]) -> None:
        view, sent = memoryview(data), 0
        deadline = time.monotonic() + self.timeout
        self.socket.setblocking(False)
        try:
            while sent < len(view):
                readable, writable, _ = select_sockets([self.socket], [self.socket], deadline - time.monotonic())
                if not readable and not writable:
                    raise TimeoutError(f"the server took only {sent} of {len(view)} bytes")
                if readable:
                    self._receive()
                    while (reply := self.parser.next()) is not None:
                        replies.append(reply)
                    deadline = time.monotonic() + self.timeout
                if writable:
                    sent += self.socket.send(view[sent : sent + RECEIVE_BYTES])
                    deadline = time.monotonic() + self.timeout
        finally:
            self.socket.settimeout(self.timeout)

    # Replies

    def read_reply(self) -> Reply:
        while (reply := self.parser.next()) is None:
            self._receive()
        return reply

    def read_replies(self, count: int) -> list[Reply]:
        return [self.read_reply() for _ in range(count)]

    def read_until_closed(self) -> list[Reply]:
        """Every reply up to the moment the server closes; raises TimeoutError if it does not."""
        replies = []
        try:
            while True:
                replies.append(self.read_reply())
        except (ConnectionClosed, ConnectionResetError, BrokenPipeError):
            return replies

    def is_closed(self, within_seconds: float = 0.0) -> bool:
        """Whether the server closed the connection; must not have replies outstanding."""
        readable, _, _ = select_sockets([self.socket], [], within_seconds)
        if not readable:
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True

    def has_input(self, within_seconds: float) -> bool:
        return bool(self.parser.pending) or bool(select_sockets([self.socket], [], within_seconds)[0])

    def _receive(self) -> None:
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionClosed(f"closed with {self.parser.pending[:100]!r} unread")
        self.parser.feed(data)


def select_sockets(
    read: list[socket.socket], write: list[socket.socket], timeout_seconds: float
) -> tuple[list[socket.socket], list[socket.socket], None]:
    """select() for descriptors of any number."""
    poller = select.poll()
    by_descriptor: dict[int, socket.socket] = {}
    events: dict[int, int] = {}
    for sockets, flag in ((read, select.POLLIN), (write, select.POLLOUT)):
        for sock in sockets:
            by_descriptor[sock.fileno()] = sock
            events[sock.fileno()] = events.get(sock.fileno(), 0) | flag
    for descriptor, flags in events.items():
        poller.register(descriptor, flags)
    readable, writable = [], []
    for descriptor, seen in poller.poll(max(0, timeout_seconds) * 1000):
        wanted = events[descriptor]
        failed = seen & (select.POLLHUP | select.POLLERR)
        if wanted & select.POLLIN and (seen & select.POLLIN or failed):
            readable.append(by_descriptor[descriptor])
        if wanted & select.POLLOUT and (seen & select.POLLOUT or failed):
            writable.append(by_descriptor[descriptor])
    return readable, writable, None
