"""Server and introspection commands whose replies two servers can share."""

from __future__ import annotations

from comparison import CHOICES, KIND, PAIRS_BY_NAME, SECONDS, SHAPE
from generators.base import Family, Step, Table, step

# Parameters that both have, with a valid value and what is not one.
PARAMETERS = {
    b"timeout": ((b"0", b"100000"), (b"-1", b"abc", b"")),
    b"maxmemory": ((b"0", b"100gb", b"50000mb"), (b"abc", b"-1", b"1xb")),
    b"slowlog-max-len": ((b"128", b"0"), (b"-1", b"abc")),
    b"slowlog-log-slower-than": ((b"10000000", b"-1"), (b"abc",)),
    b"latency-monitor-threshold": ((b"0", b"100000"), (b"-1", b"abc")),
    b"tcp-keepalive": ((b"300", b"0"), (b"abc", b"-1")),
    b"proto-max-bulk-len": ((b"536870912", b"512mb"), (b"abc", b"1")),
    b"maxmemory-policy": ((b"noeviction", b"allkeys-LRU", b"volatile-ttl"), (b"bogus", b"")),
    b"maxmemory-samples": ((b"5", b"1", b"64"), (b"0", b"abc", b"-1")),
    b"maxmemory-eviction-tenacity": ((b"10", b"0", b"100"), (b"101", b"-1", b"x")),
    b"maxmemory-clients": ((b"0", b"5%", b"1gb"), (b"101%", b"-1", b"x%", b"abc")),
    b"lfu-log-factor": ((b"10", b"0"), (b"-1", b"abc")),
    b"lfu-decay-time": ((b"1", b"0"), (b"-1", b"abc")),
    b"replica-ignore-maxmemory": ((b"yes", b"no"), (b"maybe",)),
    b"loglevel": ((b"notice", b"warning"), (b"bogus",)),
}
FIXED = (b"port", b"databases", b"bind", b"unixsocket", b"tcp-backlog")

ERRONEOUS = [
    ["CONFIG"], ["CONFIG", "BOGUS"], ["CONFIG", "GET"], ["CONFIG", "SET"], ["CONFIG", "SET", "a"], ["CONFIG", "SET", "bogus", "1"],
    ["CONFIG", "SET", "timeout", "0", "timeout", "0"], ["CONFIG", "SET", "timeout", "0", "bogus", "1"], ["CONFIG", "RESETSTAT", "x"],
    ["CONFIG", "SET", "timeout", "0", "maxmemory"], ["CONFIG", "REWRITE", "x"],
    ["COMMAND", "BOGUS"], ["COMMAND", "COUNT", "x"], ["COMMAND", "LIST", "BOGUS"], ["COMMAND", "LIST", "FILTERBY"],
    ["COMMAND", "LIST", "FILTERBY", "BOGUS", "x"], ["COMMAND", "GETKEYS"], ["COMMAND", "GETKEYS", "BOGUS", "x"],
    ["COMMAND", "GETKEYS", "GET"], ["COMMAND", "GETKEYS", "PING"], ["COMMAND", "GETKEYSANDFLAGS", "PING"],
    ["COMMAND", "INFO", "bogus"], ["COMMAND", "DOCS", "bogus"], ["COMMAND", "INFO", "bogus|get", "config|bogus"],
    ["SLOWLOG"], ["SLOWLOG", "BOGUS"], ["SLOWLOG", "GET", "abc"], ["SLOWLOG", "GET", "-2"], ["SLOWLOG", "LEN", "x"],
    ["LATENCY"], ["LATENCY", "BOGUS"], ["LATENCY", "HISTORY"], ["LATENCY", "HISTORY", "bogus"], ["LATENCY", "LATEST", "x"],
    ["LATENCY", "RESET", "bogus"], ["MEMORY"], ["MEMORY", "BOGUS"], ["MEMORY", "USAGE"], ["MEMORY", "STATS", "x"],
    ["MEMORY", "USAGE", "none", "SAMPLES"], ["MEMORY", "USAGE", "none", "BOGUS", "1"], ["MEMORY", "PURGE", "x"],
    ["MEMORY", "DOCTOR", "x"], ["DEBUG", "SLEEP", "0"], ["DEBUG"], ["DBSIZE", "x"], ["SWAPDB", "0"], ["SWAPDB", "a", "b"],
    ["SWAPDB", "0", "99"], ["FLUSHALL", "BOGUS"], ["FLUSHDB", "ASYNC", "x"], ["TIME", "x"], ["OBJECT", "HELP", "x"],
]  # fmt: skip

GETKEYS = [
    ["GET", "a"], ["SET", "a", "v"], ["SET", "a", "v", "GET"], ["MSET", "a", "1", "b", "2"], ["MGET", "a", "b", "c"],
    ["DEL", "a", "b"], ["RENAME", "a", "b"], ["COPY", "a", "b", "REPLACE"], ["GETEX", "a"], ["LCS", "a", "b"], ["OBJECT", "ENCODING", "a"],
    ["EXPIRE", "a", "1"], ["MEMORY", "USAGE", "a"], ["APPEND", "a", "b"], ["MSETNX", "a", "1"], ["EXISTS", "a", "a"], ["GETDEL", "a"],
    ["INCRBYFLOAT", "a", "1"], ["SETRANGE", "a", "0", "x"], ["TOUCH", "a", "b"], ["MOVE", "a", "1"],
]  # fmt: skip


class Introspection(Family):
    spoils = False

    def table(self) -> Table:
        return [
            (10, lambda: step(*self.r.pick(ERRONEOUS))),
            (8, lambda: step(self.name("COMMAND"), self.name("GETKEYS"), *self.r.pick(GETKEYS))),
            (6, lambda: step(self.name("COMMAND"), self.name("GETKEYSANDFLAGS"), *self.r.pick(GETKEYS), comparison=SHAPE)),
            (8, self.config_set),
            (6, self.config_set_bad),
            (8, self.config_get),
            (1, lambda: step(self.name("TIME"), comparison=SHAPE)),
            (1, lambda: step(self.name("INFO"), comparison=KIND)),
            (1, lambda: step(self.name("INFO"), self.r.pick(("bogus", "server", "ALL")), comparison=KIND)),
            (1, lambda: step(self.name("LOLWUT"), *self.r.pick(([], ["VERSION"])), comparison=KIND)),
            (1, lambda: step(self.name("COMMAND"), self.name("COUNT"), comparison=KIND)),
            (1, lambda: step(self.name("SLOWLOG"), self.name("LEN"), comparison=KIND)),
            (1, lambda: step(self.name("SLOWLOG"), self.name("GET"), "0", comparison=SECONDS)),
            (1, lambda: step(self.name("SLOWLOG"), self.name("RESET"))),
            (1, lambda: step(self.name("LATENCY"), self.name("LATEST"))),
            (1, lambda: step(self.name("LATENCY"), self.name("RESET"))),
            (1, lambda: step(self.name("LATENCY"), self.name("DOCTOR"), comparison=KIND)),
            (1, lambda: step(self.name("MEMORY"), self.name("DOCTOR"), comparison=KIND)),
            (1, lambda: step(self.name("MEMORY"), self.name("PURGE"))),
            (4, self.memory_usage),
            (1, lambda: step(self.name("CONFIG"), self.name("RESETSTAT"))),
        ]

    def memory_usage(self) -> Step:
        options = self.r.pick([[], ["SAMPLES", "0"], ["SAMPLES", "5"], ["SAMPLES", "-1"], ["SAMPLES", "abc"], ["BOGUS", "1"], ["SAMPLES"]])
        return step(self.name("MEMORY"), self.name("USAGE"), self.r.key(), *options, comparison=KIND)

    def config_set(self) -> Step:
        names = self.r.random.sample(list(PARAMETERS), self.r.random.randint(1, 3))
        pairs = [word for name in names for word in (self.r.case(name), self.r.pick(PARAMETERS[name][0]))]
        return step(self.name("CONFIG"), self.name("SET"), *pairs)

    def config_set_bad(self) -> Step:
        if self.r.chance(0.1):
            return step("CONFIG", "SET", self.r.pick((b"databases", b"unixsocket", b"tcp-backlog")), b"5")
        name = self.r.pick(list(PARAMETERS))
        return step("CONFIG", "SET", name, self.r.pick(PARAMETERS[name][1]), comparison=CHOICES)

    def config_get(self) -> Step:
        names = self.r.random.sample([*PARAMETERS, b"databases", b"bogus", b"nothing*"], self.r.random.randint(1, 4))
        return step(self.name("CONFIG"), self.name("GET"), *[self.r.case(name) for name in names], comparison=PAIRS_BY_NAME)
