"""Random commands for the differential suite, a file per command family.

A family is a subclass of `base.Family` whose `table` lists weighted methods; each makes one step (a command and how
its replies are compared) or a few that belong together. Families of one data type share `typed.TypedFamily`.
"""

from generators.bitmaps import Bitmaps
from generators.blocking import Blocking
from generators.connection import Connection
from generators.dump import Dump
from generators.errors import Errors
from generators.expiry import Expiry
from generators.generic import Generic
from generators.geo import Geo
from generators.hashes import Hashes
from generators.hyperloglogs import HyperLogLogs
from generators.introspection import Introspection
from generators.lists import Lists
from generators.pubsub import PubSub
from generators.sets import Sets
from generators.sort import Sort
from generators.sorted_sets import SortedSets
from generators.streams import Streams
from generators.strings import Strings
from generators.transactions import Transactions
from generators.types import Types

# Families that share their keys, with the share of each in what they send together.
SHARED = {
    "strings": (Strings, 45),
    "generic": (Generic, 20),
    "expiry": (Expiry, 15),
    "connection": (Connection, 6),
    "server": (Introspection, 6),
    "errors": (Errors, 8),
}
# Families with keys of their own, each of which can run alone.
TYPED = {
    "lists": (Lists, 10),
    "hashes": (Hashes, 10),
    "sets": (Sets, 10),
    "sorted-sets": (SortedSets, 15),
    "streams": (Streams, 12),
    "bitmaps": (Bitmaps, 6),
    "hyperloglogs": (HyperLogLogs, 5),
    "geo": (Geo, 7),
    "sort": (Sort, 5),
    "dump": (Dump, 5),
    "types": (Types, 15),
    "transactions": (Transactions, 5),
    "pubsub": (PubSub, 1),
    "blocking": (Blocking, 2),
}
FAMILIES = SHARED | TYPED
