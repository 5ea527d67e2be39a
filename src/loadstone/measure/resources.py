"""Metrics of processes, machines and cards, as rows: name, unit, which way is better, meaning. All of them are levels."""

from __future__ import annotations

from typing import Literal

Row = tuple[str, str, Literal["lower", "higher", "neither"], str]

# What memory is told of once the load has ended, as the tag `stage`: at rest, after a collection, after a trim of the heap.
REST, COLLECTED, TRIMMED = "rest", "collected", "trimmed"

PROCESS: tuple[Row, ...] = (
    (
        "target.memory",
        "B",
        "lower",
        "resident memory of the target's process tree; shared pages count in each process, unless PSS is asked for",
    ),
    ("target.retained_memory", "B", "lower", "resident memory that the target keeps once the load has ended"),
    ("target.process_memory", "B", "lower", "resident memory of the processes of one name in the tree"),
    ("target.pss", "B", "lower", "memory of the tree with shared pages shared out among those that use them"),
    ("target.uss", "B", "lower", "memory that would come back if the tree ended: pages that no other process uses"),
    ("target.swap", "B", "lower", "memory of the tree that was swapped out"),
    ("target.cpu", "%", "lower", "CPU of the target's process tree; 100 is one core"),
    ("target.processes", "1", "neither", "processes in the target's tree"),
    ("target.threads", "1", "neither", "threads in the target's tree"),
    ("target.descriptors", "1", "neither", "open file descriptors in the target's tree"),
    ("target.descriptors_limit", "1", "neither", "how many descriptors the processes of the target's tree may have open, all together"),
    ("target.descriptors_used", "%", "lower", "share of its own limit of descriptors that the fullest process of the tree has open"),
    ("target.connections", "1", "neither", "sockets that the target's tree holds, by state"),
    ("target.context_switches", "1/s", "neither", "context switches of all threads in the target's tree"),
    ("target.page_faults", "1/s", "neither", "page faults in the target's tree: minor, or major ones that waited for a disk"),
    ("target.disk_read", "B/s", "neither", "bytes that the target's tree made disks read"),
    ("target.disk_write", "B/s", "neither", "bytes that the target's tree made disks write"),
    ("target.network_in", "B/s", "neither", "bytes received in the target's network namespace, when it has one of its own"),
    ("target.network_out", "B/s", "neither", "bytes sent from the target's network namespace, when it has one of its own"),
    ("target.memory_limit", "B", "neither", "memory limit of the container that the target lives in"),
    ("target.memory_limit_used", "%", "lower", "share of the container's memory limit that is taken, page cache included"),
    ("target.cpu_limit", "%", "neither", "CPU quota of the container that the target lives in; 100 is one core"),
    ("target.throttled", "%", "lower", "share of the scheduler's periods in which the container had used up its CPU quota"),
    ("target.restarts", "1", "lower", "how often all chosen processes were replaced by others, or a worker by its supervisor"),
    ("probe.unreadable", "1", "lower", "processes of the tree that may not be looked into for this value, which is therefore not told"),
)
OWN: tuple[Row, ...] = (
    ("generator.parent_cpu", "%", "lower", "CPU of the process that starts the workers, judges and shows; 100 is one core"),
    ("probe.cpu", "%", "lower", "CPU that a probe itself takes, over the time from one reading to the next; 100 is one core"),
)
MACHINE: tuple[Row, ...] = (
    ("machine.cpu", "%", "lower", "CPU of the whole machine that is at work; 100 is all cores"),
    ("machine.steal", "%", "lower", "share of the machine's CPU that the hypervisor gave to others"),
    ("machine.iowait", "%", "lower", "share of the machine's CPU that was idle while a disk was waited for"),
    ("machine.load", "1", "lower", "processes that run or wait to run, averaged over a minute by the system"),
    ("machine.memory", "B", "lower", "memory of the machine that is not available to new processes"),
    ("machine.memory_used", "%", "lower", "share of the machine's memory that is not available to new processes"),
    ("machine.swap", "B", "lower", "swap space of the machine that is taken"),
    ("machine.disk_read", "B/s", "neither", "bytes that the machine's disks read"),
    ("machine.disk_write", "B/s", "neither", "bytes that the machine's disks wrote"),
    ("machine.network_in", "B/s", "neither", "bytes received over the machine's interfaces, without the loopback"),
    ("machine.network_out", "B/s", "neither", "bytes sent over the machine's interfaces, without the loopback"),
    ("machine.pressure", "%", "lower", "share of time in which processes waited for a resource"),
)
GPU: tuple[Row, ...] = (
    ("gpu.utilization", "%", "neither", "share of time in which the card had work"),
    ("gpu.memory", "B", "lower", "memory of the card that is taken"),
    ("gpu.memory_used", "%", "lower", "share of the card's memory that is taken"),
    ("gpu.power", "W", "lower", "power that the card draws"),
    ("gpu.temperature", "°C", "lower", "temperature of the card's processor"),
)
REMOTE: tuple[Row, ...] = (
    ("probe.clock_offset", "ms", "neither", "how far the clock of a remote probe's machine is ahead of ours"),
    ("probe.clock_error", "ms", "lower", "how far off that may be: half of the way there and back"),
)
