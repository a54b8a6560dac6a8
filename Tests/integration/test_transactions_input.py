"""Wrong and unusual uses of transactions, of blocking commands and of subscriptions: redis-server's answers, byte for byte,
and nothing kept of clients that die in the middle.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from raw import compare_raw
from resp import Connection, Reply, encode
from server import Server, ServerTestCase, seed

# Each form has keys of its own, {}a to {}d, since all are sent at the same time.
FORMS: dict[str, list[list[Any]]] = {
    "EXEC without MULTI": [["EXEC"], ["PING"]],
    "DISCARD without MULTI": [["DISCARD"], ["PING"]],
    "arguments too many": [["MULTI", "x"], ["EXEC", "x"], ["DISCARD", "x"], ["UNWATCH", "x"], ["WATCH"], ["PING"]],
    "nested MULTI": [["MULTI"], ["MULTI"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "WATCH inside MULTI": [["MULTI"], ["WATCH", "{}a"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "UNWATCH inside MULTI": [["WATCH", "{}a"], ["SET", "{}a", "0"], ["MULTI"], ["UNWATCH"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "wrong arguments inside": [["MULTI"], ["MULTI", "x"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "EXEC with arguments inside": [["MULTI"], ["SET", "{}a", "1"], ["EXEC", "x"], ["EXEC"], ["GET", "{}a"]],
    "DISCARD with arguments inside": [["MULTI"], ["SET", "{}a", "1"], ["DISCARD", "x"], ["EXEC"], ["GET", "{}a"]],
    "unknown command inside": [["MULTI"], ["SET", "{}a", "1"], ["NOSUCH", "a", "b"], ["SET", "{}b", "1"], ["EXEC"], ["MGET", "{}a", "{}b"]],
    "unknown subcommand inside": [["MULTI"], ["OBJECT", "BOGUS", "x"], ["EXEC"], ["PING"]],
    "wrong number of arguments inside": [["MULTI"], ["GET"], ["SET", "{}a"], ["EXEC"], ["GET", "{}a"], ["MULTI"], ["PING"], ["EXEC"]],
    "DISCARD after an error": [["MULTI"], ["NOSUCH"], ["DISCARD"], ["MULTI"], ["PING"], ["EXEC"]],
    "DISCARD": [["MULTI"], ["SET", "{}a", "1"], ["DISCARD"], ["GET", "{}a"], ["EXEC"]],
    "nothing inside": [["MULTI"], ["EXEC"], ["MULTI"], ["DISCARD"], ["EXEC"]],
    "one after the other, among other commands": [
        ["SET", "{}a", "1"], ["MULTI"], ["INCR", "{}a"], ["EXEC"], ["MULTI"], ["INCR", "{}a"], ["GET", "{}a"], ["EXEC"], ["MULTI"], ["EXEC"],
        ["MULTI"], ["INCR", "{}b"], ["INCR", "{}c"], ["MGET", "{}a", "{}b", "{}c"], ["EXEC"], ["MGET", "{}a", "{}b"], ["MULTI"], ["PING"], ["EXEC"],
        ["MULTI"], ["GET", "{}b"], ["DISCARD"], ["MULTI"], ["INCR", "{}b"], ["NOSUCH"], ["EXEC"], ["MULTI"], ["INCR", "{}b"], ["EXEC"], ["GET", "{}b"],
    ],
    "as many commands as a group has": [["MULTI"], *[["INCR", "{}a"]] * 31, ["EXEC"], ["MULTI"], *[["INCR", "{}a"]] * 512, ["EXEC"], ["GET", "{}a"]],
    "more commands than a group has": [["INCR", "{}a"], ["MULTI"], *[["INCR", "{}a"]] * 511, ["EXEC"], ["MULTI"], *[["APPEND", "{}b", "x"]] * 700, ["EXEC"], ["STRLEN", "{}b"]],
    "groups full of transactions": [*[["MULTI"], ["RPUSH", "{}a", "x"], ["LLEN", "{}a"], ["RPUSH", "{}b", "y"], ["EXEC"]] * 300, ["LLEN", "{}b"]],
    "errors when it is executed": [
        ["SET", "{}a", "text"], ["MULTI"], ["SET", "{}b", "1"], ["INCR", "{}a"], ["LPUSH", "{}a", "x"], ["INCR", "{}b"], ["EXEC"],
        ["MGET", "{}a", "{}b"],
    ],
    "several keys on several shards": [
        ["MULTI"], ["MSET", "{}a", "1", "{}b", "2", "{}c", "3", "{}d", "4"], ["MGET", "{}a", "{}b", "{}c", "{}d"], ["RENAME", "{}a", "{}e"],
        ["RENAME", "{}none", "{}e"], ["DEL", "{}a", "{}b", "{}c"], ["EXISTS", "{}d", "{}e"], ["COPY", "{}d", "{}f"], ["EXEC"],
        ["MGET", "{}a", "{}d", "{}e", "{}f"],
    ],
    "a watched key changed": [["WATCH", "{}a", "{}b"], ["SET", "{}b", "1"], ["MULTI"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "a watched key changed inside": [["WATCH", "{}a"], ["MULTI"], ["SET", "{}a", "1"], ["SET", "{}a", "2"], ["EXEC"], ["GET", "{}a"]],
    "a watched key read": [["SET", "{}a", "1"], ["WATCH", "{}a"], ["GET", "{}a"], ["MULTI"], ["GET", "{}a"], ["EXEC"]],
    "a watched key made and gone": [["WATCH", "{}a"], ["SET", "{}a", "1"], ["DEL", "{}a"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key deleted that was not there": [["WATCH", "{}a"], ["DEL", "{}a"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key set to what it was": [["SET", "{}a", "1"], ["WATCH", "{}a"], ["SET", "{}a", "1"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key with another time to live": [["SET", "{}a", "1"], ["WATCH", "{}a"], ["EXPIRE", "{}a", "100"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key that an error left alone": [["SET", "{}a", "x"], ["WATCH", "{}a"], ["INCR", "{}a"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key renamed away": [["SET", "{}a", "1"], ["WATCH", "{}a"], ["RENAME", "{}a", "{}b"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key renamed to": [["SET", "{}a", "1"], ["WATCH", "{}b"], ["RENAME", "{}a", "{}b"], ["MULTI"], ["PING"], ["EXEC"]],
    "a watched key popped empty": [["RPUSH", "{}a", "1"], ["WATCH", "{}a"], ["LPOP", "{}a"], ["MULTI"], ["PING"], ["EXEC"]],
    "a key watched in another database": [
        ["SELECT", "3"], ["WATCH", "{}a"], ["SELECT", "0"], ["SET", "{}a", "1"], ["MULTI"], ["PING"], ["EXEC"], ["WATCH", "{}a"], ["SELECT", "3"],
        ["SET", "{}a", "1"], ["SELECT", "0"], ["MULTI"], ["PING"], ["EXEC"], ["SELECT", "3"], ["WATCH", "{}a"], ["SET", "{}a", "2"], ["SELECT", "0"],
        ["MULTI"], ["PING"], ["EXEC"],
    ],
    "watched twice": [["WATCH", "{}a"], ["WATCH", "{}a", "{}a"], ["SET", "{}a", "1"], ["MULTI"], ["PING"], ["EXEC"], ["MULTI"], ["PING"], ["EXEC"]],
    "UNWATCH": [["WATCH", "{}a"], ["SET", "{}a", "1"], ["UNWATCH"], ["MULTI"], ["PING"], ["EXEC"]],
    "DISCARD forgets what is watched": [["WATCH", "{}a"], ["SET", "{}a", "1"], ["MULTI"], ["DISCARD"], ["MULTI"], ["PING"], ["EXEC"]],
    "an error, and a watched key changed": [["WATCH", "{}a"], ["SET", "{}a", "1"], ["MULTI"], ["NOSUCH"], ["EXEC"], ["MULTI"], ["PING"], ["EXEC"]],
    "watching a key that has expired": [["SET", "{}a", "1", "PX", "1"], ["WATCH", "{}a"], ["MULTI"], ["PING"], ["DISCARD"]],
    "blocking commands inside": [
        ["MULTI"], ["BLPOP", "{}a", "0"], ["BRPOP", "{}a", "{}b", "0"], ["BLMOVE", "{}a", "{}b", "LEFT", "RIGHT", "0"], ["BRPOPLPUSH", "{}a", "{}b", "0"],
        ["BLMPOP", "0", "1", "{}a", "LEFT"], ["BZPOPMIN", "{}a", "0"], ["BZPOPMAX", "{}a", "0"], ["BZMPOP", "0", "1", "{}a", "MIN"],
        ["XREAD", "BLOCK", "0", "STREAMS", "{}a", "$"], ["WAIT", "1", "0"], ["EXEC"],
    ],
    "a blocking command served inside": [["MULTI"], ["RPUSH", "{}a", "1", "2"], ["BLPOP", "{}a", "0"], ["BLMOVE", "{}a", "{}b", "LEFT", "RIGHT", "0"], ["EXEC"], ["LRANGE", "{}b", "0", "-1"]],
    "SELECT inside": [["MULTI"], ["SELECT", "5"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"], ["SELECT", "0"], ["GET", "{}a"]],
    "SELECT of none inside": [["MULTI"], ["SELECT", "99"], ["SET", "{}a", "1"], ["EXEC"], ["GET", "{}a"]],
    "the connection's commands inside": [["MULTI"], ["PING"], ["ECHO", "x"], ["CLIENT", "SETNAME", "me"], ["CLIENT", "GETNAME"], ["EXEC"], ["CLIENT", "GETNAME"]],
    "AUTH and HELLO inside": [["MULTI"], ["AUTH", "x"], ["HELLO", "9"], ["HELLO", "x"], ["EXEC"]],
    "RESET inside": [["MULTI"], ["SET", "{}a", "1"], ["RESET"], ["EXEC"], ["GET", "{}a"]],
    "RESET forgets what is watched": [["WATCH", "{}a"], ["SET", "{}a", "1"], ["RESET"], ["MULTI"], ["PING"], ["EXEC"]],
    "QUIT inside": [["MULTI"], ["SET", "{}a", "1"], ["QUIT"], ["EXEC"]],
    "CLIENT REPLY inside": [["MULTI"], ["CLIENT", "REPLY", "BOGUS"], ["CLIENT", "REPLY", "ON"], ["PING"], ["EXEC"], ["PING"]],
    "REPLY SKIP before MULTI": [["CLIENT", "REPLY", "SKIP"], ["MULTI"], ["PING"], ["EXEC"]],
    "REPLY OFF around it": [["CLIENT", "REPLY", "OFF"], ["MULTI"], ["SET", "{}a", "1"], ["EXEC"], ["CLIENT", "REPLY", "ON"], ["GET", "{}a"]],
    "null replies inside": [["MULTI"], ["GET", "{}none"], ["LPOP", "{}none"], ["LPOP", "{}none", "3"], ["HGETALL", "{}none"], ["ZSCORE", "{}none", "x"], ["EXEC"]],
    "CONFIG and INFO inside": [["MULTI"], ["CONFIG", "GET", "port*x"], ["CONFIG", "BOGUS"], ["OBJECT", "ENCODING", "{}none"], ["EXEC"]],
    # Timeouts
    "wrong timeouts": [
        *(["BLPOP", "{}a", timeout] for timeout in ("abc", "", "-1", "-0.5", "1x", " 1", "1e400", "nan", "99999999999999999999")),
        ["BRPOP", "{}a", "-1"], ["BRPOPLPUSH", "{}a", "{}b", "-1"], ["BLMOVE", "{}a", "{}b", "LEFT", "LEFT", "x"], ["BLMPOP", "x", "1", "{}a", "LEFT"],
        ["BLMPOP", "-1", "1", "{}a", "LEFT"], ["BZPOPMIN", "{}a", "x"], ["BZPOPMAX", "{}a", "-1"], ["BZMPOP", "x", "1", "{}a", "MIN"],
        ["XREAD", "BLOCK", "x", "STREAMS", "{}a", "$"], ["XREAD", "BLOCK", "-1", "STREAMS", "{}a", "$"], ["XREAD", "BLOCK", "1.5", "STREAMS", "{}a", "$"],
        ["WAIT", "x", "0"], ["WAIT", "0", "x"], ["WAIT", "0", "-1"], ["WAIT", "-1", "0"],
    ],
    "wrong blocking calls": [
        ["BLPOP", "0"], ["BLPOP", "{}a"], ["BLMOVE", "{}a", "{}b", "UP", "LEFT", "0"], ["BLMPOP", "0", "0", "{}a", "LEFT"], ["BLMPOP", "0", "2", "{}a", "LEFT"],
        ["BLMPOP", "0", "1", "{}a", "UP"], ["BLMPOP", "0", "1", "{}a", "LEFT", "COUNT", "0"], ["BZMPOP", "0", "1", "{}a", "MID"],
        ["SET", "{}s", "x"], ["BLPOP", "{}s", "0"], ["BZPOPMIN", "{}a", "{}s", "0"], ["BLMOVE", "{}s", "{}a", "LEFT", "LEFT", "0"],
        ["RPUSH", "{}l", "1"], ["BLMOVE", "{}l", "{}s", "LEFT", "LEFT", "0"], ["LRANGE", "{}l", "0", "-1"],
    ],
    "UNBLOCK of nobody": [["CLIENT", "UNBLOCK", "999999999"], ["CLIENT", "UNBLOCK", "x"], ["CLIENT", "UNBLOCK", "1", "BOGUS"], ["CLIENT", "UNBLOCK", "999999999", "ERROR"]],
    # Subscriptions
    "commands while subscribed": [
        ["SUBSCRIBE", "{}c"], ["GET", "{}a"], ["SET", "{}a", "1"], ["MULTI"], ["EXEC"], ["ECHO", "x"], ["SELECT", "1"], ["CLIENT", "GETNAME"], ["PUBLISH", "{}c", "x"],
        ["NOSUCH"], ["GET"], ["HELLO", "x"], ["PING"], ["PING", "text"], ["PSUBSCRIBE", "{}p*"], ["UNSUBSCRIBE"], ["GET", "{}a"], ["PUNSUBSCRIBE"], ["GET", "{}a"],
    ],
    "RESET while subscribed": [["SUBSCRIBE", "{}c"], ["RESET"], ["GET", "{}a"]],
    "QUIT while subscribed": [["SUBSCRIBE", "{}c"], ["QUIT"], ["PING"]],
    "UNSUBSCRIBE of nothing": [["UNSUBSCRIBE"], ["PUNSUBSCRIBE"], ["SUNSUBSCRIBE"], ["UNSUBSCRIBE", "{}x", "{}y"], ["PING"]],
    "SUBSCRIBE of nothing": [["SUBSCRIBE"], ["PSUBSCRIBE"], ["SSUBSCRIBE"], ["PUBLISH", "{}c"], ["PUBSUB"], ["PUBSUB", "BOGUS"], ["PUBSUB", "NUMPAT", "x"], ["PING"]],
    "SUBSCRIBE inside MULTI": [["MULTI"], ["SUBSCRIBE", "{}c"], ["SET", "{}a", "1"], ["EXEC"], ["PING"], ["UNSUBSCRIBE"], ["GET", "{}a"]],
    "MULTI, then subscribed, then an error": [["MULTI"], ["SUBSCRIBE"], ["SUBSCRIBE", "{}c"], ["EXEC"], ["PING"]],
}  # fmt: skip
DEATHS = 40
CROWD_ROUNDS = 3


def requests(name: str, commands: list[list[Any]], prefix: str) -> bytes:
    own = f"{prefix}{name}:"
    return b"".join(encode(*(str(word).replace("{}", own) for word in command)) for command in commands)


class AgainstReference(ServerTestCase):
    """The same bytes to redis-server and to the server under test, in one piece and command by command."""

    SHARDS = 1

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.reference = Server.reference()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        self.require_commands("MULTI", "EXEC", "WATCH", "BLPOP", "SUBSCRIBE")
        with self.reference.connect() as c:
            c.command("FLUSHALL")

    def assert_same(self, inputs: dict[str, bytes]) -> None:
        if differences := compare_raw(self.reference, self.server, inputs):
            self.fail(f"{len(differences)} of {len(inputs)} differ:\n" + "\n".join(differences))

    def test_in_one_piece(self) -> None:
        self.assert_same({name: requests(name, commands, "one:") for name, commands in FORMS.items()})

    def test_in_resp3(self) -> None:
        """REPLY SKIP hides HELLO's own answer, which names version and id."""
        to_resp3 = encode("CLIENT", "REPLY", "SKIP") + encode("HELLO", "3")
        self.assert_same({name: to_resp3 + requests(name, commands, "three:") for name, commands in FORMS.items()})

    def test_command_by_command(self) -> None:
        """A reply is waited for before the next command is sent: nothing may depend on what comes in together."""
        for name, commands in FORMS.items():
            with self.subTest(name):
                answers = []
                for server in (self.reference, self.server):
                    with server.connect() as c:
                        replies = []
                        for command in commands:
                            c.send(requests(name, [command], "each:"))
                            # (REPLY OFF and SKIP answer nothing.)
                            if any("REPLY" in words for words in commands):
                                continue
                            replies.append(c.read_reply())
                            if command[0] == "QUIT":
                                break
                        answers.append(replies)
                self.assertEqual(answers[1], answers[0])


class AgainstReferenceTwoShards(AgainstReference):
    SHARDS = 2


class AgainstReferenceFourShards(AgainstReference):
    SHARDS = 4


class Leaks(ServerTestCase):
    """Clients that go away in every state: nothing of them is kept, and nobody waits for them."""

    SHARDS = 4
    COUNTS = ("blocked_clients", "total_blocking_keys", "total_blocking_keys_on_nokey", "watching_clients", "total_watched_keys", "held_locks",
              "waiting_locks", "clients_in_timeout_table", "pubsub_clients", "pubsub_channels", "pubsub_patterns", "tracking_clients")  # fmt: skip
    # What is sent before the end, and then left alone.
    STATES: dict[str, list[list[Any]]] = {
        "watching": [["WATCH", "a", "b", "c", "d"]],
        "watching what has changed": [["WATCH", "a", "b"], ["SET", "a", "1"]],
        "queueing": [["WATCH", "a"], ["MULTI"], ["SET", "a", "x" * 5_000], ["MGET", "a", "b", "c", "d"]],
        "queueing after an error": [["MULTI"], ["NOSUCH"], ["SET", "a", "1"]],
        "waiting for a list": [["BLPOP", "l:1", "l:2", "l:3", "l:4", "0"]],
        "waiting for a sorted set": [["BZPOPMIN", "z:1", "z:2", "z:3", "100"]],
        "waiting for a stream": [["XREAD", "BLOCK", "0", "STREAMS", "s:1", "s:2", "$", "$"]],
        "waiting to move": [["BLMOVE", "l:1", "l:9", "LEFT", "RIGHT", "0"]],
        "waiting, with more behind": [["BLPOP", "l:1", "0"], ["SET", "after", "1"], ["MULTI"], ["PING"]],
        "subscribed": [["SUBSCRIBE", "c:1", "c:2"], ["PSUBSCRIBE", "c:*"]],
        "subscribed inside a transaction": [["MULTI"], ["SUBSCRIBE", "c:1"], ["EXEC"], ["MULTI"]],
        "in the middle of EXEC": [["MULTI"], *[["MSET", "a", "1", "b", "2", "c", "3", "d", "4"]] * 50, ["EXEC"]],
    }  # fmt: skip

    def setUp(self) -> None:
        super().setUp()
        self.require_commands("MULTI", "WATCH", "BLPOP", "BZPOPMIN", "SUBSCRIBE")

    def counts(self) -> dict[str, str]:
        info = self.server.info("everything")
        return {name: info[name] for name in self.COUNTS}

    def expect_nothing_left(self) -> None:
        self.eventually(
            lambda: set(self.counts().values()) <= {"0"} and int(self.server.info("clients")["connected_clients"]) <= 2,
            message=f"something is kept: {self.counts()}",
        )

    def leave(self, state: list[list[Any]], tail: bytes, reset: bool) -> Connection:
        c = Connection.tcp(self.server.port)
        c.send(b"".join(encode(*command) for command in state) + tail)
        if reset:
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        return c

    def test_dying_in_every_state(self) -> None:
        for tail in (b"", b"*3\r\n$3\r\nSET\r\n$1\r\n"):
            for reset in (False, True):
                for settle_seconds in (0.0, 0.03):
                    for name, state in self.STATES.items():
                        clients = [self.leave(state, tail, reset) for _ in range(DEATHS // len(self.STATES) + 2)]
                        time.sleep(settle_seconds)
                        for c in clients:
                            c.close()
                    with self.subTest(tail=tail, reset=reset, settle=settle_seconds):
                        self.expect_nothing_left()
        # Everything still works, on all the keys that were watched, queued for and waited for.
        keys = ["a", "b", "c", "d", "l:1", "l:2", "l:3", "l:4", "z:1", "s:1"]
        self.c.command("DEL", *keys)
        replies = self.c.pipeline([["WATCH", *keys], ["MULTI"], ["MSET", "a", "1", "b", "2"], ["RPUSH", "l:1", "x"], ["EXEC"], ["LPOP", "l:1"]])
        self.assertEqual(replies[-2].python(), [b"OK", 1])
        self.assertEqual(replies[-1].value, b"x")

    def test_killed_in_every_state(self) -> None:
        for name, state in self.STATES.items():
            with self.subTest(name):
                own = self.c.command("CLIENT", "ID").value
                before = int(self.server.info("clients")["connected_clients"])
                clients = [self.leave(state, b"", False) for _ in range(4)]
                # Who has not been accepted yet would not be killed.
                self.eventually(lambda: int(self.server.info("clients")["connected_clients"]) >= before + len(clients))
                time.sleep(0.02)
                self.c.command("CLIENT", "KILL", "LADDR", f"127.0.0.1:{self.server.port}")
                for c in clients:
                    c.read_until_closed()
                    c.close()
                self.assertEqual(self.c.command("CLIENT", "ID").value, own)
                self.expect_nothing_left()

    def test_garbage_while_blocked(self) -> None:
        """What breaks the protocol is noticed when it is its turn; the client that waits is served before."""
        for garbage in (b"*1\r\nPING\r\n", b"*-5x\r\n", b"\x00" * 100_000 + b"\r\n"):
            with self.subTest(garbage[:10]):
                waiter = self.leave([["BLPOP", "queue", "0"]], garbage, False)
                self.eventually(lambda: self.server.info("clients")["blocked_clients"] == "1")
                self.assertEqual(self.c.command("RPUSH", "queue", "x").value, 1)
                self.assertEqual(waiter.read_reply().python(), [b"queue", b"x"])
                waiter.close()
        self.expect_nothing_left()

    def test_reset_in_every_state(self) -> None:
        for name, state in self.STATES.items():
            if state[0][0].startswith(("B", "X")):
                continue
            with self.subTest(name):
                with self.connect() as c:
                    for command in state:
                        c.send(encode(*command))
                    c.send(encode("RESET") + encode("ECHO", "end of turn"))
                    while c.read_reply() != Reply("bulk", b"end of turn"):
                        pass
                    left = {count: value for count, value in self.counts().items() if value != "0"}
                    self.assertEqual(left, {})
        self.expect_nothing_left()

    def test_a_crowd_that_dies_while_others_go_on(self) -> None:
        """Transfers go on while clients with the same keys watched, queued and waited for die: no money is lost."""
        accounts = [f"account:{index}" for index in range(8)]
        self.c.command("MSET", *[word for account in accounts for word in (account, 100)])
        for turn in range(CROWD_ROUNDS):
            doomed = [
                self.leave([["WATCH", *accounts], ["MULTI"], *[["INCRBY", account, "0"] for account in accounts], *tail], b"", True)
                for tail in ([], [["EXEC"]], [["NOSUCH"]], [["EXEC"], ["MULTI"]])
                for _ in range(5)
            ]
            for index in range(50):
                source, target = accounts[(seed() + turn + index) % 8], accounts[(seed() + 3 * index + 1) % 8]
                replies = self.c.pipeline([["MULTI"], ["DECRBY", source, 7], ["INCRBY", target, 7], ["EXEC"]])
                self.assertEqual(len(replies[-1].value), 2)
                if index % 3 == 0 and doomed:
                    doomed.pop().close()
            for c in doomed:
                c.close()
        self.assertEqual(sum(int(item.value) for item in self.c.command("MGET", *accounts).value), 800)
        self.expect_nothing_left()
