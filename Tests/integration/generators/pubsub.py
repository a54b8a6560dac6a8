"""Publishing, subscribing, keyspace events and client-side caching: several connections to each server at once.

A step is a whole scene, named by its seed: connections of both protocol versions send random commands by turns, and
after each of them all connections are asked with PING until nothing more can be on its way. What each of them was
sent is compared, connection by connection and turn by turn.
"""

from __future__ import annotations

import random

from comparison import Comparison
from generators.base import Family, Table, step
from resp import Connection, Reply, encode

CONNECTIONS = 5
TURNS_MAX = 40
TIMEOUT_SECONDS = 30.0
CHANNELS = [b"a", b"b", b"news.it", b"news.de", b"", b"x" * 300, b"bin\r\n\x00"]
PATTERNS = [b"*", b"a*", b"news.*", b"n?ws.it", b"[ab]", b"x*x", b"nothing", b"__key*__:*"]
KEYS = [b"k:1", b"k:2", b"k:3", b"p:1", b"p:2", b"other", b"h", b"l"]
PREFIXES = [b"k:", b"p:", b"", b"k:1", b"z"]


class Scene:
    """The commands of a seed, and what comes of them on one server."""

    def __init__(self, port: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.port = port
        self.turn = 0
        self.protocols = [self.random.choice((2, 3)) for _ in range(CONNECTIONS)]
        self.connections = [Connection.tcp(port, protocol=protocol, timeout=TIMEOUT_SECONDS) for protocol in self.protocols]
        # Identifiers differ from server to server.
        self.identifiers = [connection.command("CLIENT", "ID").value for connection in self.connections]

    def run(self) -> Reply:
        seen = []
        try:
            self.connections[0].command("FLUSHALL")
            classes = self.random.choice(("", "", "KEA", "Kg$", "Elgsh", "KEA"))
            self.connections[0].command("CONFIG", "SET", "notify-keyspace-events", classes)
            for _ in range(self.random.randint(5, TURNS_MAX)):
                number = self.random.randrange(CONNECTIONS)
                arguments = self.command(number)
                self.connections[number].send(encode(*arguments))
                seen.append((number, tuple(arguments), self.sync(number, arguments)))
        finally:
            self.connections[0].command("RESET")
            self.connections[0].command("CONFIG", "SET", "notify-keyspace-events", "")
            for connection in self.connections:
                connection.close()
        return Reply("scene", tuple(seen))

    def sync(self, number: int, arguments: list[bytes | str]) -> tuple:
        """What has come to each connection, in a form that leaves open what Redis leaves open."""
        # What a shard tells another one follows the reply: the second round finds it.
        rounds = [[self.drain(connection) for connection in self.connections] for _ in range(2)]
        received = [first + second for first, second in zip(*rounds)]
        if arguments[-1] in ("GETREDIR", "TRACKINGINFO"):
            received[number] = [self.without_identifiers(reply) for reply in received[number]]
        return tuple(map(self.in_order, received))

    def drain(self, connection: Connection) -> list[Reply]:
        self.turn += 1
        token = b"sync-%d" % self.turn
        connection.send(encode("PING", token))
        replies = []
        while not self.is_answer(reply := connection.read_reply(), token):
            is_broken = reply.kind == "push" and reply.value[0].value == b"tracking-redir-broken"
            replies.append(self.without_identifiers(reply) if is_broken else reply)
        return replies

    @staticmethod
    def is_answer(reply: Reply, token: bytes) -> bool:
        if reply.kind == "array" and len(reply.value) == 2:
            reply = reply.value[1]
        return reply == Reply("bulk", token)

    def without_identifiers(self, reply: Reply) -> Reply:
        if reply.kind == "map":
            return Reply("map", tuple((key, self.without_identifiers(value)) for key, value in reply.value))
        if isinstance(reply.value, tuple):
            return Reply(reply.kind, tuple(map(self.without_identifiers, reply.value)))
        if reply.kind == "integer" and reply.value in self.identifiers:
            return Reply("client", self.identifiers.index(reply.value))
        return reply

    @staticmethod
    def in_order(replies: list[Reply]) -> tuple:
        """Redis goes through patterns, prefixes and channels in the order of a hash table: sorted, but replies before
        pushes, and the numbers that count subscriptions down apart."""

        def is_push(reply: Reply) -> bool:
            return reply.kind == "push" or (
                reply.kind == "array" and bool(reply.value) and reply.value[0].value in (b"message", b"pmessage", b"smessage")
            )

        pushes = [reply for reply in replies if is_push(reply)]
        # Broadcasts of several shards come apart.
        news = {one for push in pushes for one in Scene.news(push)}
        pushes = sorted([push for push in pushes if not Scene.news(push)] + sorted(news, key=repr), key=repr)
        if any(reply.value[0].value.endswith(b"unsubscribe") for reply in pushes if reply.value):
            pushes = sorted(pushes, key=lambda reply: repr(reply.value[:2]))
            pushes = [Reply("push", reply.value[:2]) if reply.value[0].value.endswith(b"unsubscribe") else reply for reply in pushes]
        others = [reply for reply in replies if not is_push(reply)]
        if any(reply.kind == "array" and reply.value and (reply.value[0].value or b"") in UNSUBSCRIBED for reply in others):
            others = sorted((Reply(reply.kind, reply.value[:2]) for reply in others), key=repr)
        return tuple(others), tuple(pushes)

    @staticmethod
    def news(push: Reply) -> list[Reply]:
        """The changed keys of a message, each in a message of its own."""
        head, last = push.value[:-1], push.value[-1]
        if push.value[0].value != b"invalidate" and push.value[1:2] != (Reply("bulk", b"__redis__:invalidate"),):
            return []
        if last.kind != "array":
            # All keys. Redis writes the null of the version that the tracking client speaks, not the receiving one.
            return [Reply(push.kind, head + (Reply("null", None),))]
        return [Reply(push.kind, head + (Reply("array", (key,)),)) for key in last.value]

    # Commands

    def command(self, number: int) -> list[bytes | str]:
        pick = self.random.choice
        kind = self.random.random()
        if kind < 0.15:
            return ["SUBSCRIBE", *self.some(CHANNELS)]
        if kind < 0.25:
            return ["PSUBSCRIBE", *self.some(PATTERNS)]
        if kind < 0.29:
            return ["SSUBSCRIBE", *self.some(CHANNELS)]
        if kind < 0.37:
            name, choices = pick((("UNSUBSCRIBE", CHANNELS), ("PUNSUBSCRIBE", PATTERNS), ("SUNSUBSCRIBE", CHANNELS)))
            return [name] if self.random.random() < 0.3 else [name, *self.some(choices)]
        if kind < 0.52:
            return ["PUBLISH", pick(CHANNELS), pick((b"m", b"", b"y" * 5_000, b"1"))]
        if kind < 0.55:
            return ["SPUBLISH", pick(CHANNELS), b"m"]
        if kind < 0.62:
            return pick((
                ["PUBSUB", "NUMSUB", *self.some(CHANNELS)], ["PUBSUB", "NUMPAT"], ["PUBSUB", "SHARDNUMSUB", *self.some(CHANNELS)],
                ["PUBSUB", "CHANNELS", "nothing*"], ["PUBSUB", "CHANNELS", "a", "b"], ["PUBSUB", "BOGUS"], ["PING"], ["RESET"],
                ["CLIENT", "GETREDIR"], ["SUBSCRIBE"], ["SPUBLISH", "x"],
            ))  # fmt: skip
        if kind < 0.74:
            return self.tracking()
        if kind < 0.78:
            return ["CLIENT", "TRACKINGINFO"]
        if kind < 0.88:
            return pick((["GET", pick(KEYS)], ["MGET", *self.some(KEYS)], ["HGETALL", "h"], ["LRANGE", "l", "0", "-1"], ["EXISTS", *self.some(KEYS)]))
        if kind < 0.90:
            return [pick(("FLUSHALL", "FLUSHDB"))]
        return pick((
            ["SET", pick(KEYS[:6]), b"v"], ["MSET", "k:1", "1", "p:1", "2"], ["DEL", pick(KEYS)], ["HSET", "h", "f", "v"],
            ["RPUSH", "l", "v"], ["LPOP", "l"], ["RENAME", "k:1", "k:2"], ["INCR", "other"], ["EXPIRE", "k:1", "1000"],
        ))  # fmt: skip

    def tracking(self) -> list[bytes | str]:
        kind = self.random.random()
        if kind < 0.15:
            return ["CLIENT", "TRACKING", "OFF"]
        if kind < 0.30:
            return ["CLIENT", "CACHING", self.random.choice(("YES", "NO", "MAYBE"))]
        words: list[bytes | str] = ["CLIENT", "TRACKING", "ON"]
        mode = self.random.choice(("", "", "BCAST", "OPTIN", "OPTOUT"))
        if mode:
            words.append(mode)
        if mode == "BCAST" or self.random.random() < 0.03:
            for prefix in self.some(PREFIXES, 0, 2):
                words += ["PREFIX", prefix]
        if self.random.random() < 0.2:
            words.append("NOLOOP")
        if self.random.random() < 0.2:
            words += ["REDIRECT", str(self.random.choice(self.identifiers))]
        return words

    def some(self, choices: list[bytes], least: int = 1, most: int = 3) -> list[bytes]:
        return self.random.sample(choices, self.random.randint(least, most))


UNSUBSCRIBED = (b"unsubscribe", b"punsubscribe", b"sunsubscribe")


def _play(twins, arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    seed = int(arguments[1])
    outcomes = [Scene(connection.socket.getpeername()[1], seed).run() for connection in (twins.reference, twins.subject)]
    expected, actual = (reply.value for reply in outcomes)
    for turn, (first, second) in enumerate(zip(expected, actual)):
        first, second = (unified(part) for part in (first, second))
        if first != second:
            return Reply(f"turn {turn}", first), Reply(f"turn {turn}", second)
    return Reply("scene", len(expected)), Reply("scene", len(actual))


def unified(turn: tuple) -> tuple:
    """A turn without the identifiers in its command."""
    number, arguments, received = turn
    if b"REDIRECT" in arguments or "REDIRECT" in arguments:
        arguments = arguments[:-1]
    return number, arguments, received


SCENE = Comparison("scene", interactive=_play)


class PubSub(Family):
    """A step that is not a command: `SCENE seed`."""

    spoils = False
    step_cost = 10
    commands = ("SUBSCRIBE", "PUBLISH", "SPUBLISH")

    def table(self) -> Table:
        return [(1, lambda: step("SCENE", self.r.random.getrandbits(32), comparison=SCENE))]
