"""Wrong calls: commands that do not exist, and every command with a wrong number of arguments."""

from __future__ import annotations

from generators.base import Family, Step, Table, step

# As COMMAND INFO tells it, the name included: n is exact, -n is "n or more".
ARITIES = {
    "GET": 2, "SET": -3, "SETNX": 3, "SETEX": 4, "PSETEX": 4, "GETSET": 3, "GETDEL": 2, "GETEX": -2, "MGET": -2, "MSET": -3,
    "MSETNX": -3, "APPEND": 3, "STRLEN": 2, "SETRANGE": 4, "GETRANGE": 4, "SUBSTR": 4, "INCR": 2, "DECR": 2, "INCRBY": 3,
    "DECRBY": 3, "INCRBYFLOAT": 3, "LCS": -3, "DEL": -2, "UNLINK": -2, "EXISTS": -2, "TOUCH": -2, "TYPE": 2, "KEYS": 2,
    "SCAN": -2, "RANDOMKEY": 1, "RENAME": 3, "RENAMENX": 3, "COPY": -3, "MOVE": 3, "EXPIRE": -3, "PEXPIRE": -3, "EXPIREAT": -3,
    "PEXPIREAT": -3, "TTL": 2, "PTTL": 2, "EXPIRETIME": 2, "PEXPIRETIME": 2, "PERSIST": 2, "OBJECT": -2, "OBJECT ENCODING": 3,
    "OBJECT FREQ": 3, "OBJECT IDLETIME": 3, "OBJECT REFCOUNT": 3, "OBJECT HELP": 2, "ECHO": 2, "AUTH": -2, "SELECT": 2, "RESET": 1,
    "CLIENT": -2, "CLIENT ID": 2, "CLIENT INFO": 2, "CLIENT GETNAME": 2, "CLIENT SETNAME": 3, "CLIENT KILL": -3, "CLIENT PAUSE": -3,
    "CLIENT UNPAUSE": 2, "CLIENT REPLY": 3, "CLIENT NO-EVICT": 3, "CLIENT UNBLOCK": -3, "CLIENT GETREDIR": 2, "CLIENT HELP": 2,
    "CONFIG": -2, "CONFIG GET": -3, "CONFIG SET": -4, "CONFIG RESETSTAT": 2, "CONFIG REWRITE": 2, "CONFIG HELP": 2, "DBSIZE": 1,
    "SWAPDB": 3, "TIME": 1, "DEBUG": -2, "SLOWLOG": -2, "SLOWLOG LEN": 2, "SLOWLOG RESET": 2, "SLOWLOG GET": -2,
    "SLOWLOG HELP": 2, "LATENCY": -2, "LATENCY LATEST": 2, "LATENCY HISTORY": 3, "LATENCY DOCTOR": 2, "LATENCY HELP": 2,
    "MONITOR": 1, "MEMORY": -2, "MEMORY USAGE": -3, "MEMORY STATS": 2, "MEMORY DOCTOR": 2, "MEMORY MALLOC-STATS": 2,
    "MEMORY PURGE": 2, "MEMORY HELP": 2, "COMMAND COUNT": 2, "COMMAND GETKEYS": -3, "COMMAND GETKEYSANDFLAGS": -3,
    "COMMAND HELP": 2,
}  # fmt: skip

# None with a zero byte: Redis hashes all of such a name and compares what stands before the zero, so that now and then, as the seed
# of its hashes has it, it takes "get\0" for GET.
UNKNOWN = [
    b"nosuch", b"", b"FOO BAR", b"set\r\n", b"get ", b" get", b"\xff\xfe", b"x" * 200, b"'quoted'", b"get|set",
    b"config|get",
]  # fmt: skip
ARGUMENTS_MAX = 7


class Errors(Family):
    spoils = False

    def table(self) -> Table:
        return [
            (6, self.wrong_arity),
            (4, self.unknown_command),
            (2, lambda: step(self.r.pick((b"MSET", b"mset", b"MSETNX")), *[b"a"] * self.r.pick((3, 5, 7)))),
        ]

    def wrong_arity(self) -> Step:
        name = self.r.pick(list(ARITIES))
        words, arity = name.split(), ARITIES[name]
        if arity < 0:
            wrong = range(len(words), -arity)
        else:
            wrong = [count for count in range(len(words), ARGUMENTS_MAX) if count != arity]
        if len(wrong) == 0:
            return self.unknown_command()
        count = self.r.pick(wrong)
        return step(*[self.name(word) for word in words], *[self.r.word(3) for _ in range(count - len(words))])

    def unknown_command(self) -> Step:
        """The error quotes the name and the first arguments, up to a limit of characters."""
        arguments = [self.r.pick([self.r.value()[:300], self.r.word(5), b""]) for _ in range(self.r.random.randint(0, 30))]
        return step(self.r.pick(UNKNOWN), *arguments)
