"""Places on the globe: kept in sorted sets, found by circle and box."""

from __future__ import annotations

from comparison import EXACT, SORTED
from generators.base import Step, Table, step
from generators.typed import TypedFamily

UNITS = (b"m", b"km", b"ft", b"mi")
EDGES = (b"180", b"-180", b"85.05112878", b"-85.05112878", b"0", b"-0", b"179.9999999", b"1e-7", b"90", b"-90", b"181", b"-180.1", b"85.06")
NOT_NUMBERS = (b"abc", b"", b"nan", b"inf", b"1e400", b" 1", b"1,5")
# Scores that are no place, or the last one.
SCORES = (b"-1", b"1e16", b"4503599627370495", b"0.5", b"-inf")
# Places near each other, where searches find something.
CENTRES = ((13.361389, 38.115556), (-122.4, 37.8), (179.9, -16.5), (0.0, 0.0), (25.0, 84.9))


class Geo(TypedFamily):
    kind, prefix = "zset", b"geo"
    key_count = 5
    commands = tuple(
        """GEOADD GEODIST GEOHASH GEOPOS GEOSEARCH GEOSEARCHSTORE GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO""".split()
    )

    def table(self) -> Table:
        return [
            (16, self.add),
            (8, lambda: self.call("GEODIST", self.key(), self.place_name(), self.place_name(), *self.unit_or_none())),
            (5, lambda: self.call("GEOHASH", self.key(), *self.place_names())),
            (6, lambda: self.call("GEOPOS", self.key(), *self.place_names())),
            (14, self.search),
            (6, self.search_store),
            (7, self.radius),
            (6, self.radius_by_member),
            (3, lambda: self.call("ZRANGE", self.key(), 0, -1, b"WITHSCORES")),
            (1, lambda: self.call("ZREM", self.key(), *self.place_names())),
            (1, lambda: self.call("ZADD", self.own_key(), self.r.pick(SCORES), self.place_name())),
            (0.4, self.remove),
            (0.3, self.foreign_keys),
            (0.7, self.bad_calls),
        ]

    def place_name(self) -> bytes:
        return b"p:%d" % self.r.random.randrange(16) if self.r.chance(0.95) else self.member()

    def place_names(self) -> list[bytes]:
        return [self.place_name() for _ in range(self.r.random.randint(1, 4))]

    def coordinates(self) -> list[bytes]:
        kind = self.r.random.random()
        if kind < 0.9:
            longitude, latitude = self.r.pick(CENTRES)
            spread = self.r.pick((0.01, 0.5, 10.0))
            longitude += self.r.random.gauss(0, spread)
            latitude += self.r.random.gauss(0, spread)
            if kind < 0.88:
                longitude = (longitude + 180) % 360 - 180
                latitude = max(-85.0, min(85.0, latitude))
            return [b"%.*f" % (self.r.random.randint(3, 17), longitude), b"%.*f" % (self.r.random.randint(3, 17), latitude)]
        if kind < 0.96:
            return [b"%f" % self.r.random.uniform(-180, 180), b"%f" % self.r.random.uniform(-85, 85)]
        if kind < 0.985:
            return [self.r.pick(EDGES), self.r.pick(EDGES)]
        return [self.r.pick(NOT_NUMBERS), b"1"]

    def unit(self) -> bytes:
        return self.r.case(self.r.pick(UNITS)) if self.r.chance(0.97) else self.r.pick((b"cm", b"", b"miles"))

    def unit_or_none(self) -> list[bytes]:
        return [self.unit()] if self.r.chance(0.7) else []

    def length(self) -> list[bytes]:
        """A radius or a side, with its unit."""
        kind = self.r.random.random()
        if kind < 0.6:
            return [b"%d" % self.r.pick((1, 10, 100, 500, 1_000, 5_000)), b"km"]
        if kind < 0.9:
            return [b"%.3f" % (10 ** self.r.random.uniform(0, 7)), self.unit()]
        if kind < 0.96:
            return [self.r.pick((b"0", b"20000", b"25000", b"1e9", b"0.0001", b"40075.0")), b"km"]
        return [self.r.pick((b"-1", b"abc", b"nan", b"")), self.unit()]

    # Calls

    def add(self) -> Step:
        options = []
        for option, share in ((b"NX", 0.1), (b"XX", 0.1), (b"CH", 0.2)):
            if self.r.chance(share):
                options.append(self.r.case(option))
        count = self.r.random.randint(1, 6) if self.r.chance(0.95) else 150
        places = [word for _ in range(count) for word in (*self.coordinates(), self.place_name())]
        return self.call("GEOADD", self.key(), *options, *places)

    def results(self, stored: bool = False) -> tuple[list[bytes], bool]:
        """Options on what comes out, and whether its order is then given."""
        options: list[list[bytes]] = []
        ordered = False
        if self.r.chance(0.5):
            options.append([self.r.case(self.r.pick((b"ASC", b"DESC")))])
            ordered = True
        if self.r.chance(0.4):
            # (COUNT without ANY sorts by itself. Which ones ANY takes is each server's affair.)
            options.append([self.r.case(b"COUNT"), self.count(10)])
            ordered = True
        if not stored:
            for option in (b"WITHCOORD", b"WITHDIST", b"WITHHASH"):
                if self.r.chance(0.3):
                    options.append([self.r.case(option)])
        if self.r.chance(0.015):
            options.append(self.r.pick([[b"BOGUS"], [b"COUNT"], [b"ANY"], [b"COUNT", b"0"], [b"WITHDIST"], [b"STOREDIST"]]))
        self.r.random.shuffle(options)
        return [word for option in options for word in option], ordered

    def area(self) -> list[bytes]:
        around = [self.r.case(b"FROMMEMBER"), self.place_name()] if self.r.chance(0.4) else [self.r.case(b"FROMLONLAT"), *self.coordinates()]
        width, unit = self.length()
        if self.r.chance(0.5):
            shape = [self.r.case(b"BYRADIUS"), width, unit]
        else:
            shape = [self.r.case(b"BYBOX"), width, self.length()[0], unit]
        return around + shape if self.r.chance(0.7) else shape + around

    def target(self) -> bytes:
        """(What is stored is mostly little: the places themselves stay.)"""
        return self.own_key() if self.r.chance(0.15) else b"geo:stored"

    def search(self) -> Step:
        options, ordered = self.results()
        return self.call("GEOSEARCH", self.key(), *self.area(), *options, comparison=EXACT if ordered else SORTED)

    def search_store(self) -> list[Step]:
        target, (options, _) = self.target(), self.results(stored=True)
        if self.r.chance(0.4):
            target = b"geo:distances"
            options.append(self.r.case(b"STOREDIST"))
        return [
            self.call("GEOSEARCHSTORE", target, self.key(), *self.area(), *options),
            step("ZRANGE", target, 0, -1, "WITHSCORES"),
        ]

    def radius(self) -> Step | list[Step]:
        name = self.one_of("GEORADIUS", "GEORADIUS_RO")
        return self.by_radius(name, [self.key(), *self.coordinates(), *self.length()])

    def radius_by_member(self) -> Step | list[Step]:
        name = self.one_of("GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO")
        return self.by_radius(name, [self.key(), self.place_name(), *self.length()])

    def by_radius(self, name: str, arguments: list[bytes]) -> Step | list[Step]:
        store = self.r.chance(0.25)
        options, ordered = self.results(stored=store and self.r.chance(0.95))
        if not store:
            return self.call(name, *arguments, *options, comparison=EXACT if ordered else SORTED)
        target = self.target()
        return [
            self.call(name, *arguments, *options, self.r.pick((b"STORE", b"STOREDIST")), target),
            step("ZRANGE", target, 0, -1, "WITHSCORES"),
        ]

    def bad_calls(self) -> list[Step]:
        key = self.own_key()
        return [step(*self.r.pick([
            [b"GEOADD", key, b"1", b"2"], [b"GEOADD", key, b"1", b"2", b"a", b"3"], [b"GEOADD", key, b"NX", b"XX", b"1", b"2", b"a"],
            [b"GEOADD", key, b"200", b"2", b"a"], [b"GEOADD", key, b"1", b"86", b"a"], [b"GEODIST", key, b"a"],
            [b"GEODIST", key, b"a", b"b", b"x"], [b"GEODIST", key, b"a", b"b", b"km", b"x"], [b"GEODIST", b"none", b"a", b"b"],
            [b"GEOPOS", key], [b"GEOPOS", b"none", b"a"], [b"GEOHASH", key], [b"GEOHASH", b"none", b"a", b"b"],
            [b"GEOSEARCH", key, b"FROMMEMBER", b"nowhere", b"BYRADIUS", b"1", b"m"], [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1"],
            [b"GEOSEARCH", key, b"BYRADIUS", b"1", b"m", b"ASC", b"DESC"],
            [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1", b"FROMMEMBER", b"a", b"BYRADIUS", b"1", b"m"],
            [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1", b"BYBOX", b"1", b"1", b"m", b"BYRADIUS", b"1", b"m"],
            [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1", b"BYRADIUS", b"1", b"m", b"STOREDIST"],
            [b"GEOSEARCH", b"none", b"FROMMEMBER", b"a", b"BYRADIUS", b"1", b"m"],
            [b"GEOSEARCH", b"none", b"FROMLONLAT", b"1", b"x", b"BYRADIUS", b"1", b"m"],
            [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1", b"BYRADIUS", b"1", b"m", b"COUNT", b"0"],
            [b"GEOSEARCH", key, b"FROMLONLAT", b"1", b"1", b"BYRADIUS", b"1", b"m", b"ANY"],
            [b"GEOSEARCHSTORE", key, key, b"FROMLONLAT", b"1", b"1", b"BYRADIUS", b"1", b"m", b"WITHDIST"],
            [b"GEORADIUS", key, b"1", b"1", b"1"], [b"GEORADIUS", key, b"1", b"1", b"x", b"km"],
            [b"GEORADIUS", key, b"1", b"1", b"1", b"km", b"STORE"], [b"GEORADIUS", b"none", b"1", b"1", b"1", b"km", b"STORE", key],
            [b"GEORADIUS_RO", key, b"1", b"1", b"1", b"km", b"STORE", key], [b"GEORADIUSBYMEMBER", key, b"nowhere", b"1", b"km"],
            [b"GEORADIUSBYMEMBER", b"none", b"a", b"1", b"km"], [b"GEORADIUS", b"is:list", b"1", b"1", b"1", b"km"],
            [b"GEORADIUSBYMEMBER", b"is:list", b"a", b"1", b"km"],
            [b"GEOSEARCH", b"is:list", b"FROMMEMBER", b"a", b"BYRADIUS", b"1", b"m"],
        ]))]  # fmt: skip
