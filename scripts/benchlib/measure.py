"""Running the rounds: which cores, which servers, in which order, after which preload."""

import os
import sys
import time
from contextlib import ExitStack

from .clients import ClientError, converse
from .loads import ONE_SHARD, TWO_SHARDS, text
from .servers import Server
from .summary import Sample


def note(message):
    print(message, file=sys.stderr, flush=True)


class Placement:
    """Who runs where: one shard on a core and the client on another, or two shards and the client on both."""

    def __init__(self, name):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise SystemExit("bench: needs two cores, one for the server and one for the client")
        self.name = name
        self.threads = {ONE_SHARD: 1, TWO_SHARDS: 2}[name]
        self.server_cores = set(cores[: self.threads])
        self.client_cores = {cores[1]} if name == ONE_SHARD else set(cores[:2])


def preload(server, client, load):
    """Gives a server the keys of a load's dataset and what its setup makes, unless it has them."""
    dataset = load.dataset
    if server.holds == (dataset, load.setup):
        return
    with server.connect() as connection:
        connection.call("FLUSHALL")
        if dataset.preloaded:
            connection.send_all(
                (b"SET", client.key(dataset, index), text(index, dataset.value_bytes)) for index in range(dataset.keys)
            )
        if load.setup:
            connection.send_all(load.setup(lambda index: client.number(dataset, index)), batch=100)
    server.holds = (dataset, load.setup)


def counters(server):
    """Error replies and missed keys so far, where the server counts them."""
    with server.connect() as connection:
        fields = connection.info("stats")
    return {name: int(fields.get(name, 0)) for name in ("total_error_replies", "keyspace_misses")}


def run_once(server, client, load, seconds, cores):
    if load.fresh:
        server.holds = None
        preload(server, client, load)
    before = server.cpu_seconds()
    try:
        send = converse if load.conversation else client.run
        run = send(load, server.port, seconds, cores)
    except ClientError as error:
        server.assert_alive()
        raise SystemExit(f"bench: {load.name} against {server.name}: {error}") from None
    server.assert_alive()
    return Sample(run, server.cpu_seconds() - before)


def measure_load(load, servers, client, placement, rounds, seconds):
    """Samples by server, one for each round. The rounds are interleaved, and each starts with another server."""
    for server in servers:
        preload(server, client, load)
        # One run that does not count: page faults, frequency, the number of requests that fills the time.
        run_once(server, client, load, min(seconds, 1), placement.client_cores)
    before = {server.name: counters(server) for server in servers}
    samples = {server.name: [] for server in servers}
    for index in range(rounds):
        for server in servers[index % len(servers) :] + servers[: index % len(servers)]:
            sample = run_once(server, client, load, seconds, placement.client_cores)
            samples[server.name].append(sample)
            note(
                f"  {load.name:<16} round {index + 1}  {server.name:<10}"
                f" {sample.run.operations_per_second:>11,.0f} ops/s"
                f" {sample.cpu_nanoseconds_per_operation:>8,.0f} ns CPU/op"
            )
    for server in servers:
        after = counters(server)
        grown = {name: after[name] - before[server.name][name] for name in after}
        if grown["total_error_replies"]:
            raise SystemExit(f"bench: {load.name}: {server.name} gave {grown['total_error_replies']} error replies")
        if grown["keyspace_misses"] and load.dataset.preloaded:
            note(f"  {load.name}: {grown['keyspace_misses']} reads missed on {server.name}")
    return samples


def measure_loads(loads, kinds, client, rounds, seconds):
    """Samples by load and server. Servers of a placement run side by side, one of them under load at a time."""
    results = {}
    for name in dict.fromkeys(load.placement for load in loads):
        placement = Placement(name)
        note(f"{name}: servers on cores {placement.server_cores}, client on {placement.client_cores}")
        with ExitStack() as running:
            servers = []
            for kind in kinds:
                server = Server(kind, placement.server_cores, placement.threads)
                running.callback(server.stop)
                servers.append(server)
            for load in loads:
                if load.placement == name:
                    results[load.name] = measure_load(load, servers, client, placement, rounds, seconds)
    return results


def measure_memory(figures, kinds, scale):
    """Bytes per item by figure and server, each on a server of its own."""
    placement = Placement(ONE_SHARD)
    results = {}
    for figure in figures:
        results[figure.name] = {}
        count = max(1, int(figure.count * scale))
        for kind in kinds:
            server = Server(kind, placement.server_cores, placement.threads)
            try:
                results[figure.name][kind.name] = bytes_per_item(server, figure, count)
            finally:
                server.stop()
            note(f"  {figure.name:<16} {kind.name:<10} {results[figure.name][kind.name]:.1f} B")
    return results


def bytes_per_item(server, figure, count):
    with server.connect() as connection:
        before = connection.used_memory()
        connection.send_all(figure.command(index) for index in range(count))
        # Some servers count in the background, and what the connection itself holds has to settle.
        time.sleep(1.5)
    with server.connect() as connection:
        return (connection.used_memory() - before) / (count * figure.items)
