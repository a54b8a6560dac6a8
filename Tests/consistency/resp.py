"""The Redis protocol as these workloads need it: quick, for values that are words (no line breaks inside)."""

from __future__ import annotations

import socket
from typing import Any, Sequence

Command = Sequence[bytes]


class ErrorReply(bytes):
    """An error of the server; its first word is the code."""

    @property
    def code(self) -> bytes:
        return self.split(b" ", 1)[0]


class Incomplete(Exception):
    """The rest of the reply has not arrived."""


def encode(command: Command) -> bytes:
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


class ReplyReader:
    """Turns received bytes into replies: bytes, int, None, tuple of replies, or ErrorReply."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Any]:
        """All replies that are complete now. What stands in a bulk string has no line break, so lines are enough."""
        lines = (self._rest + data).split(b"\r\n")
        end = len(lines) - 1  # The last one is not ended yet.
        replies, position = [], 0
        try:
            while position < end:
                reply, following = _parse(lines, position, end)
                replies.append(reply)
                position = following
        except Incomplete:
            pass
        self._rest = b"\r\n".join(lines[position:])
        return replies


def _parse(lines: list[bytes], position: int, end: int) -> tuple[Any, int]:
    if position >= end:
        raise Incomplete
    line = lines[position]
    kind, text = line[:1], line[1:]
    if kind == b"$":
        if text == b"-1":
            return None, position + 1
        if position + 1 >= end:
            raise Incomplete
        return lines[position + 1], position + 2
    if kind == b":":
        return int(text), position + 1
    if kind == b"+":
        return text, position + 1
    if kind == b"-":
        return ErrorReply(text), position + 1
    if kind == b"*":
        return _parse_array(lines, position + 1, end, int(text))
    if kind == b"_":
        return None, position + 1
    raise ValueError(f"not a reply: {line[:80]!r}")


def _parse_array(lines: list[bytes], position: int, end: int, count: int) -> tuple[Any, int]:
    if count <= 0:
        return (() if count == 0 else None), position
    after = position + 2 * count
    if after <= end:
        # An array of bulk strings only takes two lines an element: sliced at once.
        heads = set(lines[position:after:2])
        if b"$-1" not in heads and all(head[:1] == b"$" for head in heads):
            return tuple(lines[position + 1 : after : 2]), after
    items = []
    for _ in range(count):
        item, position = _parse(lines, position, end)
        items.append(item)
    return tuple(items), position


class Connection:
    """A blocking client, for preparing a round and for reading what it left."""

    def __init__(self, port: int, timeout_seconds: float = 20.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = ReplyReader()

    def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        self._socket.sendall(b"".join(map(encode, commands)))
        replies: list[Any] = []
        while len(replies) < len(commands):
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed the connection")
            replies += self._reader.feed(data)
        return replies

    def command(self, *arguments: bytes) -> Any:
        return self.pipeline([arguments])[0]

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
