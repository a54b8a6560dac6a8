"""What the families of one data type share: their keys, their members, and how much of everything they make.

Each family has a few keys of its own, so that its commands meet, and turns now and then to a key that holds another type.
Members come from a small universe, so that they are found again; some of them are hostile.
"""

from __future__ import annotations

from comparison import EXACT, Comparison
from generators.base import INT64_MAX, INT64_MIN, INTEGERS, NOT_INTEGERS, Family, Step, step

FOREIGN_SHARE = 0.03
# A key of each type that is there for the families of other types.
FOREIGN = {
    "string": (b"is:string", (b"SET", b"is:string", b"text")),
    "number": (b"is:number", (b"SET", b"is:number", b"10")),
    "list": (b"is:list", (b"RPUSH", b"is:list", b"a", b"b", b"3")),
    "hash": (b"is:hash", (b"HSET", b"is:hash", b"a", b"1", b"b", b"x")),
    "set": (b"is:set", (b"SADD", b"is:set", b"a", b"b", b"3")),
    "zset": (b"is:zset", (b"ZADD", b"is:zset", b"1", b"a", b"2", b"b")),
    "stream": (b"is:stream", (b"XADD", b"is:stream", b"1-1", b"a", b"1")),
}
FEW_MEMBERS, MANY_MEMBERS = 12, 300
# As large as one value of a compact form may be by default, and around it.
AROUND_LIMITS = (19, 20, 21, 62, 63, 64, 65, 66, 100, 253, 254, 255, 256, 4_095, 4_096, 5_000)
HOSTILE_MEMBERS = [
    b"", b"0", b"-1", b"007", b"-0", b"+5", b" 5", b"1e3", b"1.50", b"12", b"-13", b"127", b"-128", b"128", b"4095", b"-4096", b"8191",
    b"32767", b"-32768", b"32768", b"8388607", b"-8388608", b"2147483647", b"-2147483648", b"2147483648", b"%d" % INT64_MAX,
    b"%d" % INT64_MIN, b"%d" % 2**63, b"\x00", b"\r\n", b"\xff\xfe\x00bin", b"$5\r\n", b"a\x00b", b"m:1\x00", b"nan", b"inf",
]  # fmt: skip
NOT_COUNTS = NOT_INTEGERS + [b"-1", b"0", b"%d" % INT64_MIN]
BAD_COUNTS = NOT_INTEGERS + [b"-1", b"0", b"%d" % INT64_MAX, b"%d" % INT64_MIN, b"4294967296"]


class TypedFamily(Family):
    """A family of one data type."""

    # Which of FOREIGN its own type is.
    kind = ""
    # The start of its own keys.
    prefix = b""
    key_count = 7
    # What it is about, so that a run can tell whether both servers have it.
    commands: tuple[str, ...] = ()

    def __init__(self, randoms) -> None:
        names = [b"%b:%d" % (self.prefix, index) for index in range(self.key_count - 2)]
        self.keys = names + [b"{tag}%b" % self.prefix, b"\x00%b\xff\r\n" % self.prefix]
        self.foreign = {
            kind: (key, command)
            for kind, (key, command) in FOREIGN.items()
            if kind != self.kind and command[0].decode() in randoms.available
        }
        super().__init__(randoms)

    # Keys

    def own_key(self) -> bytes:
        return self.r.pick(self.keys)

    def key(self) -> bytes:
        if self.r.chance(FOREIGN_SHARE):
            return self.r.pick(list(self.foreign.values()))[0] if self.r.chance(0.8) else b"none"
        return self.r.pick(self.keys)

    def some(self, most: int = 4) -> list[bytes]:
        return [self.key() for _ in range(self.r.random.randint(1, most))]

    def foreign_keys(self) -> list[Step]:
        """Puts the keys of other types (back) in their place."""
        steps = [step("DEL", *[key for key, _ in self.foreign.values()])]
        return steps + [Step(command) for _, command in self.foreign.values()]

    def remove(self) -> Step:
        if self.r.chance(0.8):
            return step(self.name(self.r.pick(("DEL", "UNLINK"))), *[self.own_key() for _ in range(self.r.random.randint(1, 2))])
        return step("SET", self.own_key(), b"text") if self.r.chance(0.06) else step("EXISTS", *self.some())

    # Members, counts and numbers

    def member(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.50:
            return b"m:%d" % self.r.random.randrange(FEW_MEMBERS)
        if kind < 0.78:
            return b"%d" % self.r.random.randrange(-FEW_MEMBERS, FEW_MEMBERS * 2)
        if kind < 0.88:
            return b"m:%d" % self.r.random.randrange(MANY_MEMBERS)
        if kind < 0.95:
            return self.r.pick(HOSTILE_MEMBERS)
        if kind < 0.985:
            return self.long_member()
        return self.r.value()

    def long_member(self) -> bytes:
        length = self.r.pick(AROUND_LIMITS)
        return b"%b%d" % (b"L" * (length - 1), self.r.random.randrange(3))

    def members(self, most: int = 6) -> list[bytes]:
        """Mostly a few, sometimes enough to leave any compact form."""
        if self.r.chance(0.03):
            count, first = self.r.pick((10, 40, 130, 200, 520)), self.r.random.randrange(100)
            form = self.r.pick((b"m:%d", b"%d", b"member-%d"))
            return [form % (first + index) for index in range(count)]
        return [self.member() for _ in range(self.r.random.randint(1, most))]

    def count(self, most: int = 8) -> bytes:
        if self.r.chance(0.08):
            return self.r.pick(BAD_COUNTS)
        return b"%d" % self.r.random.randint(1, most)

    def index(self, far: int = 12) -> bytes:
        kind = self.r.random.random()
        if kind < 0.9:
            return b"%d" % self.r.random.randint(-far, far)
        if kind < 0.95:
            return b"%d" % self.r.random.randint(-500, 500)
        return self.r.pick(INTEGERS + NOT_INTEGERS)

    def number_of(self, keys: list[bytes]) -> bytes:
        """How many keys follow, as LMPOP, SINTERCARD and others want it; sometimes wrong."""
        if self.r.chance(0.05):
            return self.r.pick([b"0", b"-1", b"abc", b"", b"%d" % (len(keys) + 1), b"%d" % INT64_MAX, b"1"])
        return b"%d" % len(keys)

    # Calls

    def call(self, name: str, *arguments: object, comparison: Comparison = EXACT) -> Step:
        return step(self.name(name), *arguments, comparison=comparison)

    def one_of(self, *names: str) -> str:
        return self.r.pick(names)
