"""MULTI, EXEC, DISCARD, WATCH and UNWATCH on several connections to each server at once.

A step is `@N command | command ...`: connection N sends the commands in one piece, and all replies are read before anybody
goes on. A group of steps is a story: somebody watches, others change keys or don't, somebody queues and executes. It leaves
no transaction open, so that what other families send is not queued.
"""

from __future__ import annotations

from comparison import Comparison
from generators.base import Family, Step, Table, step
from resp import ConnectionClosed, Reply, encode

CONNECTIONS = 3
SEPARATOR = b"|"
KEYS = [b"t:%d" % index for index in range(8)] + [b"t:list", b"t:list:2", b"t:hash", b"t:set", b"t:set:2", b"t:zset", b"t:zset:2"]
STRINGS, LISTS, SETS, ZSETS = KEYS[:8], [b"t:list", b"t:list:2"], [b"t:set", b"t:set:2"], [b"t:zset", b"t:zset:2"]
# Refused as it is queued, so that EXEC is.
REFUSED = [["NOSUCH", "a"], ["GET"], ["SET", "t:1"], ["OBJECT", "BOGUS"], ["MSET", "t:1"], ["WATCH"], ["EXEC", "x"]]
# Refused, and the transaction goes on.
NOT_HERE = [["MULTI"], ["WATCH", "t:1"]]


def _send(twins, arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    number = int(arguments[0][1:])
    commands, start = [], 1
    for index, word in enumerate((*arguments, SEPARATOR)):
        if word == SEPARATOR and index >= start:
            commands.append(encode(*arguments[start:index]))
            start = index + 1
    replies = []
    for connection in twins.pair(number):
        try:
            replies.append(Reply("replies", tuple(connection.exchange(b"".join(commands), len(commands)))))
        except (ConnectionClosed, ConnectionError, TimeoutError) as error:
            replies.append(Reply("closed", type(error).__name__))
    return replies[0], replies[1]


TRANSACTION = Comparison("the replies of one connection", interactive=_send)


class Transactions(Family):
    spoils = False
    commands = ("MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH")

    def table(self) -> Table:
        return [
            (10, self.alone),
            (12, self.whole),
            (12, self.piecemeal),
            (20, self.race),
            (4, self.abandoned),
            (2, self.outside),
        ]

    # Steps

    def say(self, number: int, *commands: list) -> Step:
        words: list[object] = []
        for command in commands:
            words += [*command, SEPARATOR]
        return step(f"@{number}", *words[:-1], comparison=TRANSACTION)

    def alone(self) -> Step:
        return self.say(self.number(), *(self.command() for _ in range(self.r.random.randint(1, 4))))

    def whole(self) -> Step:
        """A transaction in one piece, with what comes before and after."""
        return self.say(
            self.number(), *self.some_commands(2), ["MULTI"], *self.queued(), self.end(), *self.some_commands(2)
        )

    def piecemeal(self) -> list[Step]:
        """A transaction command by command, while others go on."""
        number = self.number()
        steps = [self.say(number, ["MULTI"])]
        for command in self.queued():
            steps.append(self.say(number, command))
            if self.r.chance(0.3):
                steps.append(self.say(self.other(number), self.command()))
        return [*steps, self.say(number, self.end())]

    def race(self) -> list[Step]:
        """Watching, changes by others (or by oneself, or none), and a transaction."""
        number = self.number()
        steps = [self.say(number, ["WATCH", *self.keys()])]
        for _ in range(self.r.random.randint(0, 3)):
            kind = self.r.random.random()
            if kind < 0.5:
                steps.append(self.say(self.other(number), self.command()))
            elif kind < 0.6:
                steps.append(self.say(self.other(number), ["MULTI"], self.command(), self.command(), ["EXEC"]))
            elif kind < 0.7:
                steps.append(self.say(number, self.command()))
            elif kind < 0.8:
                steps.append(self.say(number, ["WATCH", *self.keys()]))
            elif kind < 0.85:
                steps.append(self.say(number, ["UNWATCH"]))
            elif kind < 0.9:
                steps.append(self.say(self.other(number), ["WATCH", *self.keys()], ["UNWATCH"]))
            else:
                steps.append(self.say(self.other(number), self.r.pick(([b"FLUSHALL"], [b"FLUSHDB"], [b"SWAPDB", 0, 1], [b"SWAPDB", 1, 2]))))
        steps.append(self.say(number, ["MULTI"], *self.queued(), self.end()))
        return steps

    def abandoned(self) -> list[Step]:
        """RESET in the middle."""
        number = self.number()
        return [
            self.say(number, ["WATCH", *self.keys()], ["MULTI"], *self.queued()),
            self.say(number, ["RESET"]),
            self.say(number, ["EXEC"], *self.some_commands(2)),
            self.say(number, ["HELLO", self.protocol(number), "BOGUS"]),
        ]

    def outside(self) -> Step:
        return self.say(self.number(), self.r.pick((["EXEC"], ["DISCARD"], ["UNWATCH"], ["WATCH"], ["MULTI", "x"], ["EXEC", "x"], ["UNWATCH", "x"])))

    # What they are made of

    def number(self) -> int:
        return self.r.random.randrange(CONNECTIONS)

    def other(self, number: int) -> int:
        return (number + self.r.random.randrange(1, CONNECTIONS)) % CONNECTIONS

    @staticmethod
    def protocol(number: int) -> int:
        return 2 + number % 2

    def keys(self) -> list[bytes]:
        return self.r.random.sample(KEYS, self.r.random.randint(1, 4))

    def end(self) -> list:
        return ["DISCARD"] if self.r.chance(0.1) else ["EXEC"]

    def some_commands(self, most: int) -> list[list]:
        return [self.command() for _ in range(self.r.random.randint(0, most))]

    def queued(self) -> list[list]:
        commands = []
        for _ in range(self.r.random.choice((0, 1, 2, 3, 5, 8, 40))):
            kind = self.r.random.random()
            if kind < 0.01:
                commands.append(self.r.pick(REFUSED))
            elif kind < 0.02:
                commands.append(self.r.pick(NOT_HERE))
            elif kind < 0.05:
                commands.append(["SELECT", self.r.random.randrange(2)])
            else:
                commands.append(self.command())
        return [*commands, ["SELECT", 0]]

    def command(self) -> list:
        pick, number = self.r.pick, self.r.random.randrange(5)
        key, other = pick(STRINGS), pick(STRINGS)
        some_list, some_set, some_zset = pick(LISTS), pick(SETS), pick(ZSETS)
        return pick((
            ["GET", key], ["SET", key, number], ["SET", key, number, "NX"], ["SET", key, number, "GET"], ["INCR", key], ["APPEND", key, "x"],
            ["DEL", key], ["DEL", key, other], ["EXISTS", key, other], ["MGET", *self.keys()], ["MSET", key, number, other, number],
            ["MSETNX", key, number, other, number], ["RENAME", key, other], ["RENAMENX", key, other], ["COPY", key, other], ["GETDEL", key],
            ["EXPIRE", key, 1_000_000], ["EXPIRE", key, -1], ["PERSIST", key], ["TYPE", pick(KEYS)], ["STRLEN", key], ["SETRANGE", key, 3, "y"],
            ["LPUSH", some_list, number, number + 1], ["RPOP", some_list], ["LRANGE", some_list, 0, -1], ["LLEN", some_list],
            ["LMOVE", "t:list", "t:list:2", "LEFT", "RIGHT"], ["LTRIM", some_list, 0, 5], ["BLPOP", *LISTS, "0.01"],
            ["BLMOVE", "t:list:2", "t:list", "LEFT", "RIGHT", "0.01"], ["RPUSH", key, "wrong"],
            ["HSET", "t:hash", number, number], ["HGET", "t:hash", number], ["HINCRBY", "t:hash", number, 1], ["HDEL", "t:hash", number],
            ["SADD", some_set, number, number + 1], ["SREM", some_set, number], ["SCARD", some_set], ["SISMEMBER", some_set, number],
            ["SMOVE", "t:set", "t:set:2", number], ["SINTERCARD", 2, *SETS], ["SUNIONSTORE", "t:set", *SETS], ["SDIFFSTORE", "t:set:2", *SETS],
            ["ZADD", some_zset, number, number], ["ZINCRBY", some_zset, 1, number], ["ZRANGE", some_zset, 0, -1, "WITHSCORES"], ["ZPOPMIN", some_zset],
            ["ZUNIONSTORE", "t:zset", 2, *ZSETS], ["BZPOPMIN", *ZSETS, "0.01"], ["ZREM", some_zset, number],
            ["DBSIZE"], ["FLUSHDB"] if self.r.chance(0.1) else ["PING"], ["ECHO", number], ["UNWATCH"], ["BITOP", "NOT", key, other],
            ["PFADD", "t:hll", number], ["PFCOUNT", "t:hll"], ["LCS", key, other], ["PFMERGE", "t:hll:2", "t:hll"],
        ))  # fmt: skip
