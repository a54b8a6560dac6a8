"""Random commands for the differential suite, a file per command family.

A family is a subclass of `base.Family` whose `table` lists weighted methods; each makes one step (a command and how
its replies are compared) or a few that belong together. Add a family for lists, hashes, ... and name it here.
"""

from generators.connection import Connection
from generators.errors import Errors
from generators.expiry import Expiry
from generators.generic import Generic
from generators.introspection import Introspection
from generators.strings import Strings

# Family and its share of all commands.
FAMILIES = {
    "strings": (Strings, 45),
    "generic": (Generic, 20),
    "expiry": (Expiry, 15),
    "connection": (Connection, 6),
    "server": (Introspection, 6),
    "errors": (Errors, 8),
}
