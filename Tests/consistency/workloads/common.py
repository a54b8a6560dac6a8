"""What the workloads share: keys that come and go, and the ways to send a transaction."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from driver import Answer, Exchange, Script, Steps
from resp import Command, ErrorReply

MULTI, EXEC, DISCARD = (b"MULTI",), (b"EXEC",), (b"DISCARD",)


class Plan(NamedTuple):
    """The parameters of a round, drawn from its seed."""

    prefix: str
    # How many commands a transaction has at the most.
    length: int
    # How many keys are in use at a time, and how many operations a client does before one of them is replaced.
    width: int
    advance: int
    clients: int
    # The number of the first of them.
    first_client: int
    # Whether the server has MULTI.
    transactions: bool
    # Whether it has BLPOP, BRPOP, BLMOVE and BLMPOP.
    blocking: bool
    # The part of the operations in which the connection is cut.
    cuts: float
    # A fault of the test itself, which its checkers must find whatever the server: "multi" sends transactions without MULTI and
    # EXEC, "watch" leaves out WATCH.
    pretend: str = ""


class Outcome(NamedTuple):
    """What became of a transaction. `results` only if it was committed."""

    answer: Answer
    results: tuple | None
    # How it ended: "committed", "aborted" (certainly nothing happened), "unknown".
    state: str
    call: int
    ret: int


COMMITTED, ABORTED, UNCERTAIN = "committed", "aborted", "unknown"


class WorkloadScript(Script):
    def __init__(self, number: int, seed: str, deadline: int, plan: Plan) -> None:
        super().__init__(number, seed, deadline)
        self.plan = plan

    def key(self, index: int) -> bytes:
        """One of the keys in use at the client's operation `index`; all clients move through them alike."""
        number = index // self.plan.advance + int(self.random.random() * self.plan.width)
        return b"%b:%d" % (self.plan.prefix.encode(), number)

    def keys(self, index: int, count: int) -> list[bytes]:
        """Some different ones."""
        first, width = index // self.plan.advance, self.plan.width
        numbers = self.random.sample(range(first, first + width), min(count, width))
        return [b"%b:%d" % (self.plan.prefix.encode(), number) for number in numbers]

    def draw_cut(self) -> Exchange | None:
        """How the connection is cut in this operation, if it is: an exchange to take the fields from."""
        if self.random.random() >= self.plan.cuts:
            return None
        whole = self.random.random() < 0.6
        return Exchange((), 1.0 if whole else self.random.random(), self.random.random() < 0.5)

    def transaction(self, body: Sequence[Command], watched: bool, style: float, cut: Exchange | None) -> Any:
        """Sends MULTI, the body and EXEC, in one of several ways; answers an Outcome."""
        whole = [MULTI, *body, EXEC]
        if self.plan.pretend == "multi":
            return (yield from self._pretended(body))
        if cut:
            if style < 0.5:
                # The client dies between MULTI and EXEC.
                yield from self.expect([MULTI, *body])
                answer = yield Exchange([EXEC], cut.cut_after, cut.reset)
            else:
                answer = yield Exchange(whole, cut.cut_after, cut.reset)
            return Outcome(answer, None, UNCERTAIN if answer.all_sent else ABORTED, answer.call, answer.call)
        if style < 0.04:
            yield from self.expect([MULTI, *body])
            answer = yield Exchange([DISCARD])
            return Outcome(answer, None, ABORTED if answer.complete else UNCERTAIN, answer.call, answer.call)
        if style < 0.2:
            # In steps, with time for others between them.
            for command in whole[:-1]:
                yield from self.expect([command])
            answer = yield Exchange([EXEC])
        elif style < 0.4:
            yield from self.expect(whole[:-1])
            answer = yield Exchange([EXEC])
        else:
            answer = yield Exchange(whole)
        return self._outcome(answer, whole, watched)

    def _pretended(self, body: Sequence[Command]) -> Any:
        call, results = 0, []
        for command in body:
            answer = yield Exchange([command])
            call = call or answer.call
            results += answer.replies
        return Outcome(answer, tuple(results), COMMITTED, call, answer.returns[-1])

    def watch(self, *keys: bytes) -> Command:
        return (b"PING",) if self.plan.pretend == "watch" else (b"WATCH", *keys)

    def expect(self, commands: Sequence[Command]) -> Steps:
        """Sends what must not be answered by an error."""
        answer = yield Exchange(commands)
        for command, reply in zip(commands, answer.replies):
            if isinstance(reply, ErrorReply):
                self.refuse(command, reply)

    def _outcome(self, answer: Answer, whole: Sequence[Command], watched: bool) -> Outcome:
        call = answer.call
        if not answer.complete:
            return Outcome(answer, None, UNCERTAIN, call, call)
        results, ret = answer.replies[-1], answer.returns[-1]
        if results is None and watched:
            return Outcome(answer, None, ABORTED, call, ret)
        if not isinstance(results, tuple) or len(results) != len(whole) - 2:
            self.refuse(whole, results)
            return Outcome(answer, None, UNCERTAIN, call, ret)
        return Outcome(answer, results, COMMITTED, call, ret)
