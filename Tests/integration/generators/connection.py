"""Connection commands that leave the connection usable (HELLO, AUTH, QUIT, CLIENT REPLY: see test_protocol)."""

from __future__ import annotations

from comparison import HELLO, KIND
from generators.base import Family, Step, Table, step

ERRONEOUS = [
    ["CLIENT", "BOGUS"], ["CLIENT"], ["CLIENT", "KILL"], ["CLIENT", "KILL", "1.2.3.4:5"], ["CLIENT", "KILL", "ID", "abc"],
    ["CLIENT", "KILL", "ID", "0"], ["CLIENT", "KILL", "ID", "-1"], ["CLIENT", "KILL", "TYPE", "bogus"], ["CLIENT", "KILL", "BOGUS", "1"],
    ["CLIENT", "KILL", "SKIPME", "maybe", "ID", "1"], ["CLIENT", "KILL", "ADDR"], ["CLIENT", "KILL", "USER", "nobody"],
    ["CLIENT", "PAUSE", "abc"], ["CLIENT", "PAUSE", "-1"], ["CLIENT", "PAUSE", "1", "BOGUS"], ["CLIENT", "PAUSE"],
    ["CLIENT", "REPLY", "MAYBE"], ["CLIENT", "REPLY"], ["CLIENT", "NO-EVICT", "maybe"], ["CLIENT", "LIST", "TYPE", "bogus"],
    ["CLIENT", "LIST", "ID"], ["CLIENT", "LIST", "ID", "abc"], ["CLIENT", "LIST", "BOGUS"], ["CLIENT", "SETNAME", "two words"],
    ["CLIENT", "SETNAME", "new\nline"], ["CLIENT", "UNBLOCK", "abc"], ["CLIENT", "UNBLOCK", "1", "BOGUS"], ["CLIENT", "GETNAME", "x"],
    ["CLIENT", "ID", "x"], ["HELLO", "1"], ["HELLO", "4"], ["HELLO", "abc"], ["HELLO", "3", "BOGUS"], ["HELLO", "3", "AUTH", "x"],
    ["HELLO", "3", "SETNAME"], ["HELLO", "3", "SETNAME", "a b"], ["AUTH"], ["AUTH", "x"], ["AUTH", "a", "b"], ["AUTH", "a", "b", "c"],
    ["PING", "a", "b"], ["ECHO"], ["ECHO", "a", "b"], ["SELECT"], ["SELECT", "0", "1"], ["RESET", "x"], ["HELLO", "2.0"], ["HELLO", ""],
]  # fmt: skip


class Connection(Family):
    """Needs the protocol of the run to come back to after RESET."""

    spoils = False
    protocol = 2

    def table(self) -> Table:
        return [
            (8, lambda: step(self.name("PING"))),
            (4, lambda: step(self.name("PING"), self.r.value())),
            (8, lambda: step(self.name("ECHO"), self.r.value())),
            (5, self.set_name),
            (5, lambda: step(self.name("CLIENT"), self.name("GETNAME"))),
            (2, lambda: step(self.name("CLIENT"), self.name("ID"), comparison=KIND)),
            (2, lambda: step(self.name("CLIENT"), self.name("INFO"), comparison=KIND)),
            (2, lambda: step(self.name("CLIENT"), self.name("GETREDIR"))),
            (2, lambda: step(self.name("CLIENT"), self.name("NO-EVICT"), self.r.pick(("on", "off", "ON")))),
            (2, lambda: step(self.name("CLIENT"), self.name("KILL"), "ID", "999999999")),
            (2, lambda: step(self.name("CLIENT"), self.name("UNBLOCK"), "999999999")),
            (2, lambda: step(self.name("CLIENT"), self.name("UNPAUSE"))),
            (2, lambda: step(self.name("CLIENT"), self.name("REPLY"), self.name("ON"))),
            (2, lambda: step(self.name("CLIENT"), self.name("LIST"), "ID", "999999999", comparison=KIND)),
            (12, lambda: step(*self.r.pick(ERRONEOUS))),
            (1, self.reset),
        ]

    def set_name(self) -> Step:
        return step(self.name("CLIENT"), self.name("SETNAME"), self.r.pick(("one", "two", "", "worker:3")))

    def reset(self) -> list[Step]:
        return [step("RESET"), step("CLIENT", "GETNAME"), step("HELLO", self.protocol, comparison=HELLO)]
