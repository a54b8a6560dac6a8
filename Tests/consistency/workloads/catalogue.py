"""The workloads by name: who runs them, what comes before and after, and which checker decides."""

from __future__ import annotations

from random import Random
from typing import Callable, NamedTuple, Sequence

from checkers import invariants, linearizability, list_append, queues as queue_checker, registers as register_checker
from history import Verdict
from resp import Connection
from workloads import appends, bank, databases, queues, registers, small
from workloads.common import Plan, WorkloadScript


class Workload(NamedTuple):
    name: str
    script: type[WorkloadScript]
    draw_plan: Callable[[Random, Plan], Plan]
    prepare: Callable[[Connection, Plan], None]
    # Reads after all clients have gone: further records.
    finish: Callable[[Connection, Sequence[tuple], int, Plan], list[tuple]]
    check: Callable[[Sequence[tuple]], Verdict]


def _nothing_to_prepare(connection: Connection, plan: Plan) -> None:
    pass


def _nothing_to_finish(connection: Connection, records: Sequence[tuple], client: int, plan: Plan) -> list[tuple]:
    return []


def _draw_keys(random_source: Random, plan: Plan) -> Plan:
    """Few keys or some more; replaced soon or later, so that lists have about 8 to 100 elements."""
    width = plan.width or random_source.choice((2, 3, 4, 6, 10))
    return plan._replace(width=width, advance=max(1, random_source.choice((1, 2, 4, 8)) * width // 4))


def _check_databases(records: Sequence[tuple]) -> Verdict:
    return linearizability.check(records, databases.INITIAL)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("append", appends.AppendScript, _draw_keys, _nothing_to_prepare, appends.final_reads, list_append.check),
        Workload("register", registers.RegisterScript, _draw_keys, _nothing_to_prepare, registers.final_reads, register_checker.check),
        Workload("bank", bank.BankScript, _draw_keys, bank.prepare, bank.final_reads, invariants.check),
        Workload("queue", queues.QueueScript, _draw_keys, _nothing_to_prepare, queues.drain, queue_checker.check),
        Workload("small", small.SmallScript, _draw_keys, _nothing_to_prepare, _nothing_to_finish, linearizability.check),
        Workload("database", databases.DatabaseScript, _draw_keys, _nothing_to_prepare, _nothing_to_finish, _check_databases),
    )
}
