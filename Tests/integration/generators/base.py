"""What every family is made of: steps, and the random keys, values and numbers they are filled with."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Union

from comparison import EXACT, Comparison
from resp import to_bytes

KEY_COUNT = 40
DATABASE_COUNT = 16
DATABASES_IN_USE = 3

CASE_CHANGE_SHARE = 0.25
MUTATION_SHARE = 0.03
# Their subcommand stays: a key in its place could be quoted differently, up to a NUL or whole.
CONTAINERS = (b"OBJECT", b"XGROUP", b"XINFO", b"PFDEBUG", b"MEMORY", b"CONFIG", b"CLIENT", b"COMMAND")
BIG_VALUE_SHARE = 0.001
BIG_VALUE_BYTES = 100_000

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

INTEGERS = [
    b"0", b"1", b"-1", b"2", b"7", b"10", b"100", b"-100", b"9999", b"10000", b"12345678901234",
    b"%d" % INT64_MAX, b"%d" % (INT64_MAX - 1), b"%d" % INT64_MIN, b"%d" % (INT64_MIN + 1), b"2147483647", b"-2147483648",
    b"4294967296",
]  # fmt: skip
NOT_INTEGERS = [
    b"", b" ", b"abc", b"1.5", b"+5", b" 5", b"5 ", b"007", b"-0", b"0x10", b"1e3", b"--1", b"1\x00", b"9" * 30,
    b"%d" % (INT64_MAX + 1), b"%d" % (INT64_MIN - 1), b"%d" % 2**64, b"five", b"-",
]  # fmt: skip
FLOATS = [
    b"0", b"1.5", b"-1.5", b"3.14159265358979", b"1e3", b"5.0e3", b"1e-5", b"-1e-10", b"0.1", b"0.2", b"10.50", b".5", b"1.",
    b"123456789.123456789", b"1e17", b"1e18", b"-0", b"-0.0", b"00012.5", b"1e20", b"0.30000000000000004", b"2e-17",
]  # fmt: skip
NOT_FLOATS = [b"", b"abc", b"1.5x", b" 1.5", b"1.5 ", b"nan", b"inf", b"-inf", b"+inf", b"1e", b"1e5000", b"--1", b"1,5", b"1\x00"]

# Expiry must not depend on the moment at which either server gets the command: times are either past or so far
# away, and so far from each other, that a run never comes near.
FAR_CONSTANTS_SECONDS = (1_000, 2_000, 5_000)
RISING_START_SECONDS, RISING_STEP_SECONDS = 10_000, 2
FALLING_START_SECONDS, FALLING_STEP_SECONDS = 100_000_000, 900
ABSOLUTE_OFFSET_SECONDS, ABSOLUTE_STEP_SECONDS = 200_000_000, 10_000
SHORT_MILLISECONDS = 2
AFTER_SHORT_SECONDS = 0.008
# (No small number among them: it could become an expiry time that ends within the run.)
STRAY_WORDS = [b"NX", b"XX", b"GET", b"KEEPTTL", b"bogus", b"100000", b""]
BAD_TIMES = [b"0", b"-1", b"-100", b"abc", b"", b"1.5", b"%d" % INT64_MAX, b"%d" % INT64_MIN, b"%d" % (INT64_MAX // 1000), b"9" * 25]


@dataclass(frozen=True)
class Step:
    """One command, how its two replies are compared, and how long to wait afterwards."""

    arguments: tuple[bytes, ...]
    comparison: Comparison = EXACT
    wait_seconds: float = 0.0


def step(*arguments: object, comparison: Comparison = EXACT, wait_seconds: float = 0.0) -> Step:
    return Step(tuple(to_bytes(argument) for argument in arguments), comparison, wait_seconds)


Steps = Union[Step, Iterable[Step]]
Table = list[tuple[float, Callable[[], Steps]]]


class Randoms:
    """The random source that all families of one run share."""

    def __init__(self, seed: int, available: frozenset[str] = frozenset()) -> None:
        self.random = random.Random(seed)
        # The commands that both servers have, in capital letters.
        self.available = available
        self.started = int(time.time())
        self._rising = RISING_START_SECONDS
        self._falling = FALLING_START_SECONDS
        random_bytes = random.Random(seed ^ 0x5EED).randbytes
        self.keys = [b"key:%d" % index for index in range(KEY_COUNT - 6)]
        self.keys += [b"\x00bin\r\nary\xff", b"{tag}a", b"{tag}b", b"k" * 300, "schl\u00fcssel".encode(), b""]
        self._noise = random_bytes(BIG_VALUE_BYTES * 2)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    def key(self) -> bytes:
        return self.pick(self.keys)

    def some_keys(self, most: int = 5) -> list[bytes]:
        return [self.key() for _ in range(self.random.randint(1, most))]

    def database(self) -> int:
        return self.random.randrange(DATABASES_IN_USE)

    # Values

    def value(self) -> bytes:
        kind = self.random.random()
        if kind < 0.35:
            return b"%d" % self.random.randint(-20_000, 20_000)
        if kind < 0.45:
            return self.pick(INTEGERS)
        if kind < 0.50:
            return self.pick(NOT_INTEGERS)
        if kind < 0.57:
            return self.pick(FLOATS)
        if kind < 0.60:
            return repr(self.random.uniform(-1e6, 1e6)).encode()
        if kind < 0.72:
            return self.word(self.random.randint(0, 45))
        if kind < 0.80:
            return self.binary(self.random.randint(0, 60))
        if kind < 1 - BIG_VALUE_SHARE:
            return self.word(self.random.randint(10, 5_000) if self.chance(0.2) else self.random.randint(1, 200))
        return self.binary(self.random.randint(BIG_VALUE_BYTES // 2, BIG_VALUE_BYTES))

    def word(self, length: int) -> bytes:
        return bytes(self.random.choices(b"abcdefgh", k=length)) if length < 64 else self.binary(length).hex().encode()[:length]

    def binary(self, length: int) -> bytes:
        start = self.random.randrange(BIG_VALUE_BYTES)
        piece = self._noise[start : start + length]
        return piece if length < 4 or self.chance(0.5) else piece[:-4] + b"\x00\r\n\xff"

    def integer(self) -> bytes:
        kind = self.random.random()
        if kind < 0.6:
            return b"%d" % self.random.randint(-1_000, 1_000)
        return self.pick(INTEGERS if kind < 0.85 else NOT_INTEGERS)

    def float(self) -> bytes:
        kind = self.random.random()
        if kind < 0.4:
            return b"%.*f" % (self.random.randint(0, 17), self.random.uniform(-1_000, 1_000))
        return self.pick(FLOATS + INTEGERS if kind < 0.85 else NOT_FLOATS)

    def index(self) -> bytes:
        """A place in a string, from either end."""
        kind = self.random.random()
        if kind < 0.8:
            return b"%d" % self.random.randint(-60, 60)
        return self.pick(INTEGERS if kind < 0.93 else NOT_INTEGERS)

    def pattern(self) -> bytes:
        return self.pick([
            b"*", b"key:*", b"key:?", b"key:??", b"key:[0-5]", b"key:[^0-5]", b"key:[a", b"k*", b"*1*", b"{tag}?", b"\\*", b"", b"*\xff",
            b"key:1[13579]", b"[k]ey:[9-0]", b"key\\:1", b"**", b"*?*?", b"\\", b"key:[\\1]", b"nothing", self.key(),
        ])  # fmt: skip

    # Times

    def rising_seconds(self) -> int:
        self._rising += RISING_STEP_SECONDS
        return self._rising

    def falling_seconds(self) -> int:
        self._falling -= FALLING_STEP_SECONDS
        return self._falling

    def far_seconds(self) -> int:
        return self.pick(FAR_CONSTANTS_SECONDS)

    def absolute_seconds(self) -> int:
        return self.started + ABSOLUTE_OFFSET_SECONDS + ABSOLUTE_STEP_SECONDS * self.random.randint(0, 20)

    def ttl_option(self) -> list[bytes]:
        """EX, PX, EXAT or PXAT with a time far away."""
        unit = self.pick((b"EX", b"PX", b"EXAT", b"PXAT"))
        seconds = self.absolute_seconds() if unit.endswith(b"AT") else self.far_seconds()
        return [self.case(unit), b"%d" % (seconds * 1000 if unit.startswith(b"P") else seconds)]

    def bad_ttl_option(self) -> list[bytes]:
        """An option whose time is no valid one. (For EXAT and PXAT only what no server takes.)"""
        unit = self.pick((b"EX", b"PX", b"EXAT", b"PXAT"))
        return [unit, self.pick([bad for bad in BAD_TIMES if unit in (b"EX", b"PX", b"EXAT") or bad != b"%d" % INT64_MAX])]

    # Spelling

    def case(self, word: bytes) -> bytes:
        """A name in upper, lower or mixed case."""
        if not self.chance(CASE_CHANGE_SHARE):
            return word
        if self.chance(0.5):
            return word.lower()
        return bytes(letter ^ 0x20 if chr(letter).isalpha() and self.chance(0.5) else letter for letter in word)


class Family:
    """A weighted table of step makers."""

    # Whether its commands are spoiled now and then: not where that could turn an erroneous call into MONITOR.
    spoils = True
    # What a step takes, in ordinary commands: more where it is a whole scene.
    step_cost = 1

    def __init__(self, randoms: Randoms) -> None:
        self.r = randoms
        table = self.table()
        self._makers = [make for _, make in table]
        self._weights = [weight for weight, _ in table]
        total, self._cumulative = 0, []
        for weight in self._weights:
            total += weight
            self._cumulative.append(total)

    def table(self) -> Table:
        raise NotImplementedError

    def steps(self) -> list[Step]:
        made = self.r.random.choices(self._makers, cum_weights=self._cumulative)[0]()
        if not isinstance(made, Step):
            return list(made)
        if self.spoils and made.comparison.fits_spoiled and self.r.chance(MUTATION_SHARE):
            return [Step(self.mutated(made.arguments), made.comparison)]
        return [made]

    def mutated(self, arguments: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The same command spoiled: an argument missing, doubled, or too many."""
        spoiled = list(arguments)
        kind = self.r.random.random()
        first = 2 if spoiled[0].upper() in CONTAINERS else 1
        if kind < 0.5 and len(spoiled) > first:
            del spoiled[self.r.random.randrange(first, len(spoiled))]
        elif kind < 0.8:
            spoiled.insert(self.r.random.randint(1, len(spoiled)), self.r.pick(STRAY_WORDS))
        elif len(spoiled) > 1:
            spoiled.append(spoiled[-1])
        return tuple(spoiled)

    def name(self, word: str) -> bytes:
        return self.r.case(word.encode())
