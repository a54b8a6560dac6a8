"""Expiry: setting times to live in every way, under every condition, and reading them back."""

from __future__ import annotations

from comparison import MILLISECONDS, SECONDS
from generators.base import BAD_TIMES, Family, Step, Table, step

CONDITIONS = (b"NX", b"XX", b"GT", b"LT")


class Expiry(Family):
    def table(self) -> Table:
        return [
            (20, self.expire),
            (4, self.expire_with_bad_options),
            (3, self.expire_with_bad_time),
            (3, self.expire_in_the_past),
            (8, lambda: step(self.name("TTL"), self.r.key(), comparison=SECONDS)),
            (8, lambda: step(self.name("PTTL"), self.r.key(), comparison=MILLISECONDS)),
            (6, lambda: step(self.name("EXPIRETIME"), self.r.key(), comparison=SECONDS)),
            (6, lambda: step(self.name("PEXPIRETIME"), self.r.key(), comparison=MILLISECONDS)),
            (8, lambda: step(self.name("PERSIST"), self.r.key())),
        ]

    def expire(self) -> Step:
        command = self.r.pick(("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"))
        if command.endswith("AT"):
            seconds = self.r.absolute_seconds()
        else:
            # Never the same twice: GT and LT must not depend on the millisecond of arrival.
            seconds = self.r.rising_seconds() if self.r.chance(0.5) else self.r.falling_seconds()
        options = [self.r.case(self.r.pick(CONDITIONS))] if self.r.chance(0.7) else []
        return step(self.name(command), self.r.key(), seconds * (1000 if command.startswith("P") else 1), *options)

    def expire_with_bad_options(self) -> Step:
        options = self.r.pick([
            [b"NX", b"XX"], [b"NX", b"GT"], [b"LT", b"NX"], [b"GT", b"LT"], [b"XX", b"GT"], [b"XX", b"LT"], [b"BOGUS"], [b""],
            [b"XX", b"XX"], [b"GT", b"GT"], [b"NX", b"BOGUS"],
        ])  # fmt: skip
        return step(self.name("EXPIREAT"), self.r.key(), self.r.absolute_seconds(), *options)

    def expire_with_bad_time(self) -> Step:
        command = self.r.pick(("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"))
        # Milliseconds hold what overflows in seconds: a valid time so far away that it prints as it is.
        return step(self.name(command), self.r.key(), self.r.pick([time for time in BAD_TIMES if time not in (b"0",)]))

    def expire_in_the_past(self) -> list[Step]:
        """Deletes the key at once, if the condition lets it."""
        key = self.r.key()
        options = [self.r.pick(CONDITIONS)] if self.r.chance(0.6) else []
        command, time = self.r.pick((("EXPIRE", -5), ("PEXPIRE", -1), ("EXPIREAT", 1), ("PEXPIREAT", 1000), ("EXPIRE", 0)))
        return [step(command, key, time, *options), step("EXISTS", key)]
