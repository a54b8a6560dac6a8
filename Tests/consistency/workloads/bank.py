"""Invariants: money that is moved and never made, pairs that are always equal, elements that are in one place.

Each operation picks one of these games. All use commands over several keys, and most of them transactions:

- accounts: transfers by DECRBY and INCRBY in MULTI, or by SET under WATCH; the total of all never changes
- purses: each client moves money among keys of its own by one MSET; anybody's MGET finds the same total
- mirrors: pairs of keys written, deleted and created together; read by MGET, LCS, BITOP, EXISTS and TOUCH; some of them large,
  so that replies take several buffers
- tokens in sets, moved by SMOVE; in lists, by LMOVE and RPOPLPUSH; read by stores of unions and intersections, and in MULTI
- a key that is renamed around; EXISTS and MGET find it once
- scores in sorted sets, moved by ZINCRBY in MULTI; ZUNIONSTORE adds them up
"""

from __future__ import annotations

import zlib
from typing import Any, Callable, Sequence

from checkers.invariants import CHANGE, EACH_ONCE, EQUAL, ONE_OF, TOTAL
from driver import FOREVER, Exchange, Steps, monotonic_ns
from history import FAILED, OK, UNKNOWN
from resp import Command, Connection, ErrorReply
from workloads.common import ABORTED, COMMITTED, UNCERTAIN, Plan, WorkloadScript

BALANCE = 100
PURSE_KEYS = 3
MIRRORS = 3
MIRROR_BYTES = 16
LARGE_KEYS, LARGE_BYTES = 3, 60_000
TOKENS = 12
PLACES = 6


class BankScript(WorkloadScript):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._prefix = self.plan.prefix.encode()
        self._purse = [BALANCE] * PURSE_KEYS
        # A purse that a cut connection may yet change is left alone; the next one is used.
        self._purse_number = 0
        games = [self._use_purse, self._look_into_purse, self._change_mirror, self._look_at_mirror, self._move_token]
        games += [self._look_for_tokens, self._rename_place, self._look_for_place, self._use_large_mirror]
        if self.plan.transactions:
            games += [self._transfer, self._transfer, self._transfer_watched, self._audit, self._move_score, self._add_scores]
        self._games: Sequence[Callable[[Exchange | None], Steps]] = games

    def operation(self, index: int) -> Steps:
        game = self.random.choice(self._games)
        yield from game(self.draw_cut())

    # What all games do

    def _name(self, kind: str, *numbers: int) -> bytes:
        return name(self._prefix, kind, *numbers)

    def _send(self, command: Command, cut: Exchange | None, errors: tuple = ()) -> Steps:
        """One command; answers its reply, or None with `_lost` set."""
        self._sender = self.client
        answer = yield Exchange([command], *(cut[1:] if cut else ()))
        self._call, self._lost = answer.call, not answer.complete
        if self._lost:
            self.reconnected()
            self._ret = FOREVER
            return None
        self._ret = answer.returns[0]
        reply = answer.replies[0]
        if isinstance(reply, ErrorReply):
            if reply not in errors:
                self.refuse(command, reply)
                self._lost = True
            return bytes(reply)
        return reply

    def _changed(self, kind: str, subject: bytes, command: Any) -> None:
        status = UNKNOWN if self._lost else OK
        # A client whose connection was cut is another one by now.
        self.records.append((self._sender, self._call, self._ret, status, kind, (CHANGE, subject, command), 0))

    def _change(self, kind: str, subject: bytes, command: Command, cut: Exchange | None, expected: tuple = ()) -> Steps:
        reply = yield from self._send(command, cut)
        self._changed(kind, subject, command)
        if expected and not self._lost:
            self._observe(kind, subject, ONE_OF, expected, reply)
        return reply

    def _observe(self, kind: str, subject: bytes, rule: str, expected: Any, observed: Any) -> None:
        self.record(self._call, self._ret, OK, kind, (rule, subject, expected, observed))

    def _look(self, kind: str, subject: bytes, command: Command, rule: str, expected: Any) -> Steps:
        reply = yield from self._send(command, None)
        if not self._lost:
            self._observe(kind, subject, rule, expected, reply)

    def _commit(self, kind: str, subject: bytes, body: Sequence[Command], cut: Exchange | None, watched: bool = False) -> Steps:
        """A transaction that changes something; answers its results, None if it was not committed."""
        outcome = yield from self.transaction(body, watched, self.random.random(), cut)
        status = {COMMITTED: OK, ABORTED: FAILED, UNCERTAIN: UNKNOWN}[outcome.state]
        ret = FOREVER if status == UNKNOWN else outcome.ret
        self.record(outcome.call, ret, status, kind, (CHANGE, subject, [b" ".join(command) for command in body]))
        if not outcome.answer.complete:
            self.reconnected()
        return outcome.results

    def _look_at_once(self, kind: str, subject: bytes, body: Sequence[Command], rule: str, expected: Any) -> Steps:
        """A transaction that only reads."""
        outcome = yield from self.transaction(body, False, 0.05 + 0.95 * self.random.random(), None)
        if outcome.results is not None:
            self.record(outcome.call, outcome.ret, OK, kind, (rule, subject, expected, outcome.results))
        elif not outcome.answer.complete:
            self.reconnected()

    # Accounts

    def _accounts(self) -> list[bytes]:
        return [self._name("account", number) for number in range(self.plan.width)]

    def _transfer(self, cut: Exchange | None) -> Steps:
        source, target = self.random.sample(self._accounts(), 2)
        amount = b"%d" % self.random.randint(1, 5)
        body = [(b"DECRBY", source, amount), (b"INCRBY", target, amount)]
        self.random.shuffle(body)
        yield from self._commit("transfer", self._prefix, body, cut)

    def _transfer_watched(self, cut: Exchange | None) -> Steps:
        """Writes what it has computed from balances it has read: WATCH must notice every change between."""
        source, target = self.random.sample(self._accounts(), 2)
        amount, together = self.random.randint(1, 5), self.random.random() < 0.5
        answer = yield Exchange([self.watch(source, target), (b"MGET", source, target)])
        if not answer.complete:
            self.reconnected()
            return
        balances = answer.replies[1]
        if not isinstance(balances, tuple) or None in balances:
            self.refuse((b"MGET", source, target), balances)
            return
        pairs = (source, b"%d" % (int(balances[0]) - amount), target, b"%d" % (int(balances[1]) + amount))
        body = [(b"MSET", *pairs)] if together else [(b"SET", *pairs[:2]), (b"SET", *pairs[2:])]
        yield from self._commit("transfer under WATCH", self._prefix, body, cut, watched=True)

    def _audit(self, cut: Exchange | None) -> Steps:
        accounts, total = self._accounts(), BALANCE * self.plan.width
        self.random.shuffle(accounts)
        if self.random.random() < 0.5:
            yield from self._look("MGET of accounts", self._prefix, (b"MGET", *accounts), TOTAL, total)
        else:
            yield from self._look_at_once("MULTI of GETs of accounts", self._prefix, [(b"GET", key) for key in accounts], TOTAL, total)

    # Purses

    def _purse_keys(self, client: int, number: int) -> list[bytes]:
        return [self._name("purse", client, number, place) for place in range(PURSE_KEYS)]

    def _use_purse(self, cut: Exchange | None) -> Steps:
        first, second = self.random.sample(range(PURSE_KEYS), 2)
        amount = self.random.randint(1, 9)
        self._purse[first] -= amount
        self._purse[second] += amount
        keys = self._purse_keys(self.number, self._purse_number)
        pairs = [word for key, balance in zip(keys, self._purse) for word in (key, b"%d" % balance)]
        yield from self._change("MSET of a purse", keys[0], (b"MSET", *pairs), cut)
        if self._lost:
            self._purse_number += 1
            self._purse = [BALANCE] * PURSE_KEYS

    def _look_into_purse(self, cut: Exchange | None) -> Steps:
        """A neighbour's, by turns the same, so that the two meet. An empty purse has not been used yet."""
        client = self.plan.first_client + (self.number - self.plan.first_client + 1) % self.plan.clients
        keys = self._purse_keys(client, self.random.choice((0, 0, 0, 1)))
        reply = yield from self._send((b"MGET", *keys), None)
        if not self._lost and any(value is not None for value in reply):
            self._observe("MGET of a purse", keys[0], TOTAL, PURSE_KEYS * BALANCE, reply)

    # Mirrors

    def _mirror(self) -> tuple[bytes, bytes]:
        number = self.random.randrange(MIRRORS)
        return self._name("mirror", number, 0), self._name("mirror", number, 1)

    def _change_mirror(self, cut: Exchange | None) -> Steps:
        one, other = self._mirror()
        value = self.unique_value().ljust(MIRROR_BYTES, b".")
        draw = self.random.random()
        if draw < 0.6:
            yield from self._change("MSET of a mirror", one, (b"MSET", other, value, one, value), cut)
        elif draw < 0.8:
            yield from self._change("MSETNX of a mirror", one, (b"MSETNX", one, value, other, value), cut, (0, 1))
        else:
            yield from self._change("DEL of a mirror", one, (b"DEL", one, other), cut, (0, 2))

    def _look_at_mirror(self, cut: Exchange | None) -> Steps:
        one, other = self._mirror()
        own = self._name("own", self.number, 0)
        match self.random.randrange(5):
            case 0 | 1:
                yield from self._look("MGET of a mirror", one, (b"MGET", one, other), EQUAL, 2)
            case 2:
                command = self.random.choice((b"EXISTS", b"TOUCH"))
                yield from self._look(f"{command.decode()} of a mirror", one, (command, other, one), ONE_OF, (0, 2))
            case 3:
                yield from self._look("LCS of a mirror", one, (b"LCS", one, other, b"LEN"), ONE_OF, (0, MIRROR_BYTES))
            case 4:
                yield from self._send((b"BITOP", b"XOR", own, one, other), None)
                call = self._call
                reply = yield from self._send((b"BITCOUNT", own), None)
                self._call = call
                if not self._lost:
                    self._observe("BITOP XOR of a mirror", one, ONE_OF, (0,), reply)

    def _use_large_mirror(self, cut: Exchange | None) -> Steps:
        keys = [self._name("large", side) for side in range(LARGE_KEYS)]
        if self.random.random() < 0.5:
            value = (self.unique_value() + b".") * (self.random.randint(1, LARGE_BYTES) // 6)
            yield from self._send((b"MSET", *(word for key in keys for word in (key, value))), cut)
            self._changed("MSET of a large mirror", keys[0], summary(value))
        else:
            reply = yield from self._send((b"MGET", *keys), None)
            if not self._lost:
                self._observe("MGET of a large mirror", keys[0], EQUAL, LARGE_KEYS, tuple(map(summary, reply)))

    # Tokens

    def _places(self, kind: str) -> list[bytes]:
        return [self._name(kind, number) for number in range(PLACES)]

    def _move_token(self, cut: Exchange | None) -> Steps:
        token = self.random.choice(tokens())
        kind = self.random.choice(("set", "list"))
        source, target = self.random.sample(self._places(kind), 2)
        subject = self._name(kind)
        sides = [self.random.choice((b"LEFT", b"RIGHT")) for _ in range(2)]
        if kind == "set":
            yield from self._change("SMOVE", subject, (b"SMOVE", source, target, token), cut, (0, 1))
        elif self.random.random() < 0.7:
            yield from self._change("LMOVE", subject, (b"LMOVE", source, target, *sides), cut, (None, *tokens()))
        else:
            yield from self._change("RPOPLPUSH", subject, (b"RPOPLPUSH", source, target), cut, (None, *tokens()))

    def _look_for_tokens(self, cut: Exchange | None) -> Steps:
        sets, subject = self._places("set"), self._name("set")
        own = self._name("own", self.number, 1)
        pair = self.random.sample(sets, 2)
        draw = self.random.randrange(7 if self.plan.transactions else 5)
        match draw:
            case 0:
                yield from self._look("SUNIONSTORE of sets", subject, (b"SUNIONSTORE", own, *sets), ONE_OF, (TOKENS,))
            case 1:
                yield from self._look("SINTERSTORE of sets", subject, (b"SINTERSTORE", own, *pair), ONE_OF, (0,))
            case 2:
                yield from self._look("SINTERCARD of sets", subject, (b"SINTERCARD", b"2", *pair), ONE_OF, (0,))
            case 3:
                reply = yield from self._send((b"SUNION", *sets), None)
                if not self._lost:
                    self._observe("SUNION of sets", subject, EACH_ONCE, tokens(), (tuple(reply),))
            case 4:
                yield from self._look("ZUNIONSTORE of sets", subject, (b"ZUNIONSTORE", own, b"%d" % PLACES, *sets), ONE_OF, (TOKENS,))
            case 5:
                yield from self._look_at_once("MULTI of SMEMBERS", subject, [(b"SMEMBERS", key) for key in sets], EACH_ONCE, tokens())
            case 6:
                lists = [(b"LRANGE", key, b"0", b"-1") for key in self._places("list")]
                yield from self._look_at_once("MULTI of LRANGEs", self._name("list"), lists, EACH_ONCE, tokens())

    # A key that moves

    def _rename_place(self, cut: Exchange | None) -> Steps:
        source, target = self.random.sample(self._places("place"), 2)
        words = (self.random.choice((b"RENAME", b"RENAMENX")), source, target)
        reply = yield from self._send(words, cut, (b"ERR no such key",))
        self._changed(words[0].decode(), self._name("place"), words)
        if not self._lost:
            self._observe(words[0].decode(), self._name("place"), ONE_OF, (b"OK", 1, 0, b"ERR no such key"), reply)

    def _look_for_place(self, cut: Exchange | None) -> Steps:
        places, subject = self._places("place"), self._name("place")
        if self.random.random() < 0.5:
            yield from self._look("EXISTS of a renamed key", subject, (b"EXISTS", *places), ONE_OF, (1,))
        else:
            reply = yield from self._send((b"MGET", *places), None)
            if not self._lost:
                found = tuple(value for value in reply if value is not None)
                self._observe("MGET of a renamed key", subject, EQUAL, 1, found)

    # Scores

    def _move_score(self, cut: Exchange | None) -> Steps:
        source, target = self.random.sample(self._places("scores"), 2)
        amount = self.random.randint(1, 5)
        body = [(b"ZINCRBY", source, b"%d" % -amount, b"member"), (b"ZINCRBY", target, b"%d" % amount, b"member")]
        yield from self._commit("move of a score", self._name("scores"), body, cut)

    def _add_scores(self, cut: Exchange | None) -> Steps:
        own, places = self._name("own", self.number, 2), self._places("scores")
        if self.random.random() < 0.5:
            bodies = [(b"ZSCORE", key, b"member") for key in places]
            yield from self._look_at_once("MULTI of ZSCOREs", self._name("scores"), bodies, TOTAL, PLACES * BALANCE)
            return
        yield from self._send((b"ZUNIONSTORE", own, b"%d" % PLACES, *places), None)
        call = self._call
        reply = yield from self._send((b"ZSCORE", own, b"member"), None)
        self._call = call
        if not self._lost:
            self._observe("ZUNIONSTORE of scores", self._name("scores"), TOTAL, PLACES * BALANCE, (reply,))


def name(prefix: bytes, kind: str, *numbers: int) -> bytes:
    return b":".join([prefix, kind.encode(), *(b"%d" % number for number in numbers)])


def tokens() -> tuple[bytes, ...]:
    return tuple(b"t%d" % number for number in range(TOKENS))


def summary(value: bytes | None) -> bytes | None:
    """A large value in short; it begins with what makes it unique."""
    return None if value is None else b"%b...%d bytes, CRC %d" % (value[:12], len(value), zlib.crc32(value))


def prepare(connection: Connection, plan: Plan) -> None:
    prefix = plan.prefix.encode()
    balance = b"%d" % BALANCE
    commands: list[Command] = [(b"SET", name(prefix, "account", number), balance) for number in range(plan.width)]
    for number, token in enumerate(tokens()):
        place = number % PLACES
        commands += [(b"SADD", name(prefix, "set", place), token), (b"RPUSH", name(prefix, "list", place), token)]
    commands += [(b"ZADD", name(prefix, "scores", number), balance, b"member") for number in range(PLACES)]
    commands.append((b"SET", name(prefix, "place", 0), b"the one"))
    for command, reply in zip(commands, connection.pipeline(commands)):
        if isinstance(reply, ErrorReply):
            raise RuntimeError(f"{command!r} was answered {reply!r}")


def final_reads(connection: Connection, records: Sequence[tuple], client: int, plan: Plan) -> list[tuple]:
    """All is still there when everybody has gone."""
    prefix = plan.prefix.encode()
    reads = []

    def observe(kind: str, subject: str, commands: Sequence[Command], rule: str, expected: Any) -> None:
        call = monotonic_ns()
        replies = tuple(connection.pipeline(commands))
        content = (rule, name(prefix, subject), expected, replies)
        reads.append((client, call, monotonic_ns(), OK, f"{kind} at the end", content, 0))

    def every(kind: str, count: int) -> list[bytes]:
        return [name(prefix, kind, number) for number in range(count)]

    observe("accounts", "account", [(b"GET", key) for key in every("account", plan.width)], TOTAL, BALANCE * plan.width)
    observe("sets", "set", [(b"SMEMBERS", key) for key in every("set", PLACES)], EACH_ONCE, tokens())
    observe("lists", "list", [(b"LRANGE", key, b"0", b"-1") for key in every("list", PLACES)], EACH_ONCE, tokens())
    observe("scores", "scores", [(b"ZSCORE", key, b"member") for key in every("scores", PLACES)], TOTAL, PLACES * BALANCE)
    observe("place", "place", [(b"EXISTS", *every("place", PLACES))], ONE_OF, ((1,),))
    for number in range(MIRRORS):
        pair = [(b"GET", name(prefix, "mirror", number, side)) for side in range(2)]
        observe("mirror", "mirror", pair, EQUAL, 2)
    return reads
