"""Bitmaps: single bits, counts, places, operations on several, and fields of bits."""

from __future__ import annotations

from generators.base import Step, Table, step
from generators.typed import TypedFamily

FAR_BIT = 40_000
BAD_OFFSETS = (b"-1", b"abc", b"", b"4294967296", b"9223372036854775807", b"1.5", b"18446744073709551616", b" 1", b"007")
BAD_TYPES = (b"u64", b"i65", b"u0", b"i0", b"x8", b"u", b"", b"8", b"i-1", b"u08", b"i8x")
OVERFLOWS = (b"WRAP", b"SAT", b"FAIL")
BIT_LENGTHS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 62, 63)


class Bitmaps(TypedFamily):
    kind, prefix = "string", b"bits"
    key_count = 6
    commands = tuple("SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO".split())

    def table(self) -> Table:
        return [
            (16, lambda: self.call("SETBIT", self.key(), self.offset(), self.bit())),
            (8, lambda: self.call("GETBIT", self.key(), self.offset())),
            (8, self.count_bits),
            (10, self.position),
            (10, self.operate),
            (14, self.field),
            (4, self.read_field),
            (6, self.write_string),
            (4, lambda: self.call("GET", self.key())),
            (3, lambda: self.call("GETRANGE", self.key(), self.index(200), self.index(200))),
            (2, lambda: self.call("STRLEN", self.key())),
            (1, lambda: self.call("OBJECT", b"ENCODING", b"bits:none")),
            (2, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    def offset(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.75:
            return b"%d" % self.r.random.randrange(200)
        if kind < 0.95:
            return b"%d" % self.r.random.randrange(FAR_BIT)
        return self.r.pick(BAD_OFFSETS)

    def bit(self) -> bytes:
        return self.r.pick((b"0", b"1", b"1")) if self.r.chance(0.97) else self.r.pick((b"2", b"-1", b"abc", b"", b"01", b"10"))

    def place(self) -> bytes:
        return b"%d" % self.r.random.randint(-30, 30) if self.r.chance(0.7) else self.index(2_000)

    def unit(self) -> list[bytes]:
        if self.r.chance(0.5):
            return []
        return [self.r.case(self.r.pick((b"BIT", b"BYTE"))) if self.r.chance(0.97) else self.r.pick((b"BOGUS", b"", b"BITS"))]

    def count_bits(self) -> Step:
        if self.r.chance(0.3):
            return self.call("BITCOUNT", self.key())
        return self.call("BITCOUNT", self.key(), self.place(), self.place(), *self.unit())

    def position(self) -> Step:
        words = [self.place()] if self.r.chance(0.7) else []
        if words and self.r.chance(0.7):
            words += [self.place(), *self.unit()]
        return self.call("BITPOS", self.key(), self.bit(), *words)

    def operate(self) -> Step:
        operation = self.one_of("AND", "OR", "XOR", "NOT")
        keys = [self.key()] if operation == "NOT" and self.r.chance(0.95) else self.some(5)
        return self.call("BITOP", self.name(operation), self.own_key(), *keys)

    def write_string(self) -> Step:
        """Long ones of all ones or zeros, too, for BITPOS to run through."""
        kind = self.r.random.random()
        if kind < 0.3:
            value = self.r.pick((b"\x00", b"\xff", b"\x00\xff")) * self.r.random.randint(1, 200)
        elif kind < 0.7:
            value = self.r.binary(self.r.random.randint(0, 300))
        else:
            value = b"%d" % self.r.random.randint(-1_000, 1_000_000)
        if self.r.chance(0.2):
            return self.call("SETRANGE", self.own_key(), self.r.random.randint(0, 500), value)
        return self.call(self.one_of("SET", "SET", "APPEND"), self.own_key(), value)

    # Fields

    def type(self, read: bool = False) -> bytes:
        if self.r.chance(0.02):
            return self.r.pick(BAD_TYPES)
        letter = self.r.pick((b"u", b"i"))
        bits = self.r.pick(BIT_LENGTHS) if self.r.chance(0.8) else self.r.random.randint(1, 63)
        return letter + (b"64" if letter == b"i" and self.r.chance(0.1) else b"%d" % bits)

    def field_offset(self) -> bytes:
        if self.r.chance(0.02):
            return self.r.pick(BAD_OFFSETS + (b"#-1", b"#", b"#abc", b"#9223372036854775807", b"##1"))
        number = self.r.random.randrange(120) if self.r.chance(0.9) else self.r.random.randrange(FAR_BIT // 64)
        return b"#%d" % number if self.r.chance(0.3) else b"%d" % number

    def number(self) -> bytes:
        kind = self.r.random.random()
        if kind < 0.5:
            return b"%d" % self.r.random.randint(-300, 300)
        if kind < 0.97:
            limit = 2 ** self.r.random.randint(0, 63)
            return b"%d" % max(-(2**63), min(2**63 - 1, self.r.pick((1, -1)) * limit + self.r.random.randint(-1, 1)))
        return self.r.integer()

    def field(self) -> Step:
        words: list[bytes] = []
        for _ in range(self.r.random.randint(1, 5)):
            kind = self.r.random.random()
            if kind < 0.25:
                words += [self.r.case(b"GET"), self.type(), self.field_offset()]
            elif kind < 0.55:
                words += [self.r.case(b"SET"), self.type(), self.field_offset(), self.number()]
            elif kind < 0.85:
                words += [self.r.case(b"INCRBY"), self.type(), self.field_offset(), self.number()]
            else:
                overflow = self.r.pick(OVERFLOWS) if self.r.chance(0.97) else self.r.pick((b"BOGUS", b""))
                words += [self.r.case(b"OVERFLOW"), self.r.case(overflow)]
        return self.call("BITFIELD", self.key(), *words)

    def read_field(self) -> Step:
        words = [word for _ in range(self.r.random.randint(1, 4)) for word in (self.r.case(b"GET"), self.type(), self.field_offset())]
        name = self.one_of("BITFIELD_RO", "BITFIELD_RO", "BITFIELD")
        return self.call(name, self.key(), *words)

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [step(*self.r.pick([
            [b"SETBIT", key, b"1"], [b"SETBIT", key, b"1", b"2"], [b"GETBIT", key], [b"BITCOUNT", key, b"0"],
            [b"BITCOUNT", key, b"0", b"1", b"BIT", b"x"], [b"BITCOUNT", key, b"a", b"1"], [b"BITCOUNT", b"none", b"a", b"1"],
            [b"BITCOUNT", b"none", b"0", b"1", b"BOGUS"], [b"BITPOS", key], [b"BITPOS", key, b"2"], [b"BITPOS", b"none", b"2"],
            [b"BITPOS", b"none", b"0"], [b"BITPOS", b"none", b"1", b"a"], [b"BITPOS", key, b"0", b"0", b"-1", b"BIT", b"x"],
            [b"BITOP", b"AND", key], [b"BITOP", b"NAND", key, key], [b"BITOP", b"NOT", key, key, key],
            [b"BITOP", b"AND", key, b"is:list"], [b"BITFIELD", key, b"GET", b"u8"], [b"BITFIELD", key, b"SET", b"u8", b"0"],
            [b"BITFIELD", key, b"INCRBY", b"u8", b"0", b"abc"], [b"BITFIELD", key, b"BOGUS", b"u8", b"0"], [b"BITFIELD", key],
            [b"BITFIELD", b"none", b"GET", b"u8", b"0"], [b"BITFIELD_RO", key, b"SET", b"u8", b"0", b"1"], [b"BITFIELD_RO", key],
            [b"BITFIELD_RO", key, b"OVERFLOW", b"SAT", b"GET", b"u8", b"0"], [b"BITFIELD", key, b"OVERFLOW"],
            [b"BITFIELD", key, b"OVERFLOW", b"SAT"], [b"BITFIELD", b"none", b"SET", b"u8", b"4294967296", b"1"],
            [b"BITFIELD", b"is:list", b"GET", b"u8", b"0"],
        ]))]  # fmt: skip
