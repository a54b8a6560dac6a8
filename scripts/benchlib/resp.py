"""A small RESP2 client: enough to preload keys through a pipeline and to read INFO."""

import socket


class Connection:
    """One connection. Replies of any type but arrays."""

    def __init__(self, port, timeout_seconds=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_seconds)
        self.reader = self.socket.makefile("rb", buffering=1 << 18)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def call(self, *words):
        self.socket.sendall(encode(words))
        return self.read_reply()

    def read_reply(self):
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.reader.read(size + 2)[:-2]
        if kind in b"+:":
            return rest
        raise RuntimeError(f"a reply that this client does not read: {line!r}")

    def info(self, section):
        """The fields of a section of INFO."""
        lines = self.call("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def used_memory(self):
        return int(self.info("memory")["used_memory"])

    def send_all(self, commands, batch=500):
        """Sends commands through the pipeline and waits for every reply; an error reply is an error."""
        pending = []
        for words in commands:
            pending.append(encode(words))
            if len(pending) == batch:
                self.flush(pending)
                pending.clear()
        self.flush(pending)

    def flush(self, pending):
        self.socket.sendall(b"".join(pending))
        for _ in pending:
            self.read_reply()


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
