"""Condensing rounds: medians, and how far the rounds lie apart."""

from dataclasses import asdict, dataclass
from statistics import median

from .clients import Run


@dataclass(frozen=True)
class Sample:
    """One run of one load against one server, with the CPU time that the server used meanwhile."""

    run: Run
    server_cpu_seconds: float

    @property
    def cpu_nanoseconds_per_operation(self):
        return self.server_cpu_seconds * 1e9 / self.run.operations

    @property
    def server_busy(self):
        """Cores that the server kept busy."""
        return self.server_cpu_seconds / self.run.seconds

    @property
    def client_busy(self):
        return self.run.client_cpu_seconds / self.run.seconds

    def as_dict(self):
        return {**asdict(self.run), "server_cpu_seconds": self.server_cpu_seconds}


def spread(values):
    """The relative median absolute deviation: half of the values lie closer than this to their median."""
    middle = median(values)
    return median(abs(value - middle) for value in values) / middle if middle else 0.0


@dataclass(frozen=True)
class Summary:
    """A server under a load over all rounds. Ratios are taken within a round, then their median."""

    operations_per_second: float
    throughput_spread: float
    cpu_nanoseconds_per_operation: float
    cpu_spread: float
    p50_ms: float
    p99_ms: float
    server_busy: float
    client_busy: float
    throughput_ratio: float
    throughput_ratio_spread: float
    cpu_ratio: float
    cpu_ratio_spread: float


def summarize(samples, reference):
    """Samples of a server and those of the reference in the same rounds."""

    def values(read, of=None):
        return [read(sample) for sample in (samples if of is None else of)]

    def ratios(read):
        return [one / base for one, base in zip(values(read), values(read, reference))]

    def throughput(sample):
        return sample.run.operations_per_second

    def cpu(sample):
        return sample.cpu_nanoseconds_per_operation

    return Summary(
        operations_per_second=median(values(throughput)),
        throughput_spread=spread(values(throughput)),
        cpu_nanoseconds_per_operation=median(values(cpu)),
        cpu_spread=spread(values(cpu)),
        p50_ms=median(values(lambda sample: sample.run.p50_ms)),
        p99_ms=median(values(lambda sample: sample.run.p99_ms)),
        server_busy=median(values(lambda sample: sample.server_busy)),
        client_busy=median(values(lambda sample: sample.client_busy)),
        throughput_ratio=median(ratios(throughput)),
        throughput_ratio_spread=spread(ratios(throughput)),
        cpu_ratio=median(ratios(cpu)),
        cpu_ratio_spread=spread(ratios(cpu)),
    )
