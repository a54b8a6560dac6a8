"""Loads whose connections depend on each other, or whose requests are more than a command: a client for each kind.

    python3 -m benchlib.conversations KIND PORT SECONDS

Prints a line of JSON: operations, seconds, and the latency of a round in milliseconds, as percentiles.
"""

import json
import random
import select
import socket
import sys
import threading
import time

CONNECTIONS, TRANSACTIONS, COMMANDS = 20, 10, 5
KEYS, VALUE = 100_000, b"v" * 32
PUBLISHERS, SUBSCRIBERS = 10, 100
QUEUES = 50
# Before what is waited for is pushed, the waiting has begun.
SETTLING_SECONDS = 0.0002


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def receive(connection, count):
    while count > 0:
        data = connection.recv(min(count, 1 << 16))
        if not data:
            raise SystemExit("the server closed a connection")
        count -= len(data)


def rounds(seconds, turn):
    """Calls `turn` until the time is over, and returns how long each call took."""
    taken = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        turn()
        taken.append(time.perf_counter() - start)
    return taken


def transactions(port, seconds):
    """Each connection sends 10 transactions of 5 SETs on one key at a time."""
    connections = [connect(port) for _ in range(CONNECTIONS)]

    def transaction():
        key = b"key:%012d" % random.randrange(KEYS)
        return encode(b"MULTI") + encode(b"SET", key, VALUE) * COMMANDS + encode(b"EXEC")

    requests = [b"".join(transaction() for _ in range(TRANSACTIONS)) for _ in range(500)]
    reply = len(b"+OK\r\n" + b"+QUEUED\r\n" * COMMANDS + b"*%d\r\n" % COMMANDS + b"+OK\r\n" * COMMANDS)

    def turn():
        for connection in connections:
            connection.sendall(random.choice(requests))
        for connection in connections:
            receive(connection, reply * TRANSACTIONS)

    return rounds(seconds, turn), CONNECTIONS * TRANSACTIONS


def publishing(port, seconds):
    """10 connections publish messages of 32 bytes to a channel with 100 subscribers."""
    subscribers = [connect(port) for _ in range(SUBSCRIBERS)]
    for subscriber in subscribers:
        subscriber.sendall(encode(b"SUBSCRIBE", b"channel"))
        subscriber.recv(1 << 16)
    threading.Thread(target=drain, args=(subscribers,), daemon=True).start()
    publishers = [connect(port) for _ in range(PUBLISHERS)]
    request, reply = encode(b"PUBLISH", b"channel", VALUE), len(b":%d\r\n" % SUBSCRIBERS)

    def turn():
        for publisher in publishers:
            publisher.sendall(request)
        for publisher in publishers:
            receive(publisher, reply)

    return rounds(seconds, turn), PUBLISHERS


def drain(connections):
    by_descriptor = {connection.fileno(): connection for connection in connections}
    poll = select.epoll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if not by_descriptor[descriptor].recv(1 << 16):
                poll.unregister(descriptor)


def handing_over(port, seconds):
    """A client waits for a list, another pushes to it: the time from the push until the first has the element."""
    waiting, pushing = connect(port), connect(port)
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        key = b"queue:%02d" % (len(taken) % QUEUES)
        waiting.sendall(encode(b"BLPOP", key, b"0"))
        time.sleep(SETTLING_SECONDS)
        start = time.perf_counter()
        pushing.sendall(encode(b"LPUSH", key, b"x"))
        pushing.recv(100)
        waiting.recv(100)
        taken.append(time.perf_counter() - start)
    return taken, 1


KINDS = {function.__name__: function for function in (transactions, publishing, handing_over)}


def main():
    kind, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    taken, operations = KINDS[kind](port, seconds)
    ordered = sorted(taken)
    print(
        json.dumps(
            {
                "operations": len(taken) * operations,
                "seconds": sum(taken),
                "p50_ms": ordered[len(ordered) // 2] * 1000,
                "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
