"""NVIDIA cards as a probe, through the driver's own library (NVML), which is there where the driver is."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.resources import GPU
from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import NoReading, Readings

LIBRARY = "libnvidia-ml.so.1"
MOST_CARDS = 64
CELSIUS = 0  # NVML_TEMPERATURE_GPU


class Utilization(ctypes.Structure):
    """nvmlUtilization_t: percent of the time of the last sampling period."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class GpuProbe:
    """One card by its index, or all of them; the tag `gpu` is the index. What a card does not tell is left out."""

    def __init__(self, plan: ProbePlan, target: str, *, library: Callable[[], Any] = lambda: ctypes.CDLL(LIBRARY)) -> None:  # noqa: ARG002  a probe's call
        watches = plan.watches.strip() or "all"
        unknown = next((key for key in plan.settings if key != "name"), None)
        if unknown or not (watches == "all" or (watches.isascii() and watches.isdigit() and int(watches) < MOST_CARDS)):
            raise UsageError(f"a probe of cards knows no {unknown or watches!r}", hint="probes: [gpu], or gpu: 0")
        self.name = str(plan.settings.get("name", "gpu"))
        names = {name for name, *_ in GPU}
        self.metrics = tuple(metric for metric in BUILT_IN if metric.name in names)
        self._only = None if watches == "all" else int(watches)
        self._library = library
        self._nvml: Any = None

    def open(self, clock: Callable[[], int] = now_ns) -> None:  # noqa: ARG002  NVML keeps its own time
        """See Probe."""
        try:
            nvml = self._library()
        except OSError as error:
            raise NoReading("missing", f"no NVIDIA driver: {error}") from None
        _need(nvml.nvmlInit_v2(), "nvmlInit")
        self._nvml = nvml
        count = ctypes.c_uint()
        _need(nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)), "nvmlDeviceGetCount")
        wanted = range(min(count.value, MOST_CARDS)) if self._only is None else [self._only]
        self._cards: dict[int, ctypes.c_void_p] = {}
        for index in wanted:
            card = ctypes.c_void_p()
            _need(nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(card)), f"card {index}")
            self._cards[index] = card

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        for index, card in self._cards.items():
            for metric, value in self._of(card).items():
                readings.gauge(metric, value, probe=self.name, gpu=str(index))
        if not readings.gauges:
            raise NoReading("other", "no card tells anything")

    def close(self) -> None:
        """See Probe; a reading that is under way ends by itself, and the library goes with the process."""
        self._cards = {}

    def _of(self, card: ctypes.c_void_p) -> dict[str, float]:
        nvml, found = self._nvml, {}
        busy, memory, number = Utilization(), Memory(), ctypes.c_uint()
        if nvml.nvmlDeviceGetUtilizationRates(card, ctypes.byref(busy)) == 0:
            found["gpu.utilization"] = float(busy.gpu)
        if nvml.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory)) == 0 and memory.total:
            found["gpu.memory"] = float(memory.used)
            found["gpu.memory_used"] = 100 * memory.used / memory.total
        if nvml.nvmlDeviceGetPowerUsage(card, ctypes.byref(number)) == 0:
            found["gpu.power"] = number.value / 1000
        if nvml.nvmlDeviceGetTemperature(card, ctypes.c_uint(CELSIUS), ctypes.byref(number)) == 0:
            found["gpu.temperature"] = float(number.value)
        return found


def _need(code: int, what: str) -> None:
    if code:
        raise NoReading("other", f"{what}: the driver answers {code}")
