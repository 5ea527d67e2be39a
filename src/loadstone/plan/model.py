"""The validated plan: everything that a run is asked to do, frozen, and able to travel to other processes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from loadstone.errors import UnitError, UsageError
from loadstone.plan.any_profile import ProfileField
from loadstone.plan.band_text import edge_of, figure_of, level_by_load, linear_up_to
from loadstone.plan.baseline import BaselineSettings
from loadstone.plan.code import UserCode
from loadstone.plan.feed import FeedPlan
from loadstone.plan.gate_text import GateSpec, parse_gate
from loadstone.plan.http import REVEAL, HttpSettings
from loadstone.plan.llm import LlmSettings
from loadstone.plan.own_metrics import MetricLine, by_name, well_named
from loadstone.plan.per_connection_text import KIND as PER_CONNECTION
from loadstone.plan.per_connection_text import per_connection_settings
from loadstone.plan.pressure import PressurePlan
from loadstone.plan.prices import Prices
from loadstone.plan.probe import ProbePlan
from loadstone.plan.quantities import Delay, Duration, Share
from loadstone.plan.recovery_text import KIND as RECOVERY
from loadstone.plan.recovery_text import recovery_settings
from loadstone.plan.regression_text import KIND as REGRESSION
from loadstone.plan.regression_text import regression_settings
from loadstone.plan.results import ResultSettings
from loadstone.plan.saving_text import KIND as SAVING
from loadstone.plan.saving_text import saving_settings
from loadstone.plan.slo import Slo
from loadstone.plan.steps import Step, Steps
from loadstone.plan.think import Pacing, ThinkTime
from loadstone.plan.voice import VoiceSettings
from loadstone.plan.websocket import WebSocketSettings
from loadstone.plan.wrong import Wrong

Tags = dict[str, Annotated[str, BeforeValidator(str)]]
Metrics = Annotated[dict[str, MetricLine], BeforeValidator(by_name), AfterValidator(well_named)]


STATEMENT = "statement"  # the kind of a gate that is a text
NO_STEPS, NO_STEPS_HINT = "does nothing: it has no steps", "steps: [{get: /}]"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ScenarioPlan(_Model):
    """What one kind of user does, and when how many of them do it."""

    name: str
    profile: ProfileField
    steps: tuple[Step, ...] = ()
    code: UserCode | None = None
    start_s: Delay = Field(default=0.0, alias="start")
    after: str | None = None
    warm_up_s: Delay = Field(default=0.0, alias="warm_up")
    skip_s: Delay = Field(default=0.0, alias="skip", description="begin so far into the profile")
    think: ThinkTime | None = None
    pacing: Pacing | None = None
    data: tuple[FeedPlan, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict, description="for its user classes, which read them as self.settings")
    tags: Tags = Field(default_factory=dict)
    max_sessions: Annotated[int, Field(gt=0)] | None = None

    @field_validator("data", mode="before")
    @classmethod
    def _one_or_more_feeds(cls, value: Any) -> Any:
        """`data: users.csv`, one mapping, or a list of either."""
        feeds = value if isinstance(value, (list, tuple)) else [value]
        return [{"file": each} if isinstance(each, str) else each for each in feeds]

    @model_validator(mode="after")
    def _does_something(self) -> ScenarioPlan:
        if bool(self.steps) == (self.code is not None):
            if self.steps:
                raise Wrong("has both steps and code", hint="keep one of them")
            raise Wrong(NO_STEPS, hint=NO_STEPS_HINT)
        if self.after and self.start_s:
            raise Wrong("has both start and after", hint="keep one of them")
        if self.skip_s and self.length_s <= 0:
            raise Wrong("skips its whole profile", hint="a skip shorter than the profile")
        return self

    @property
    def length_s(self) -> float:
        """Seconds that the profile takes, without what is skipped of it; inf when endless."""
        return self.profile.duration_s - self.skip_s

    @property
    def behaviour(self) -> Steps | UserCode:
        """What a user does: written steps, or classes in a Python file."""
        return self.code or Steps(steps=self.steps)


class _Line(_Model):
    """A line whose metrics are looked up only when all probes are known: it remembers where it was written, for messages alone."""

    _at: str = PrivateAttr("")

    @property
    def at(self) -> str:
        """`suite.yaml:6 gates[0] = …`; empty where nobody knows."""
        return self._at

    def write_at(self, place: str) -> None:
        """Remember the place."""
        self._at = place

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # settings are a mapping


class GateLine(_Line):
    """A gate as the plan writes it: the text alone, or with the requirement that it validates.

    gate:     the statement; for a gate in code how reports call it, its kind when left out
    kind:     what judges: a statement, or the name of a plug-in, which gets the settings
    needs:    what is missing to decide it; the gate then stays visible, and lacks data
    """

    gate: str = ""
    kind: str = STATEMENT
    settings: dict[str, Any] = Field(default_factory=dict)
    requirement: str = ""
    name: str = ""
    needs: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        line = {"gate": value} if isinstance(value, str) else value
        if not isinstance(line, dict) or "kind" in line or not isinstance(line.get("gate"), str):
            return line
        readers = (
            (RECOVERY, recovery_settings),
            (REGRESSION, regression_settings),
            (SAVING, saving_settings),
            (PER_CONNECTION, per_connection_settings),
        )
        for kind, read in readers:
            try:
                settings = read(line["gate"])
            except (UsageError, UnitError) as error:
                raise Wrong(error.what, hint=error.hint) from None
            if settings is not None:
                return {**line, "kind": kind, "settings": settings}
        return line

    @model_validator(mode="after")
    def _readable(self) -> GateLine:
        if not self.is_statement:
            return self
        if self.settings:
            raise Wrong("settings are for gates in code", hint="kind: the name of a plug-in")
        if not self.gate:
            raise Wrong("says nothing", example="p95(http.response_time) < 2s")
        try:
            parse_gate(self.gate)
        except UsageError as error:
            raise Wrong(error.what, hint=error.hint) from None
        return self

    @property
    def is_statement(self) -> bool:
        """Is it a text, and not a judgement in code?"""
        return self.kind == STATEMENT

    def spec(self) -> GateSpec:
        """The parsed gate; of a gate in code only what reports call it."""
        if not self.is_statement:
            scenario = self.settings.get("scenario", "")
            return GateSpec.in_code(self.kind, self.gate or self.kind, self.requirement, self.name, str(scenario), self.at)
        return parse_gate(self.gate, requirement=self.requirement, name=self.name, at=self.at)


class BandLine(_Line):
    """Edges between good, fair, concern and issue for a value such as `p95(http.response_time)`.

    The value is good on the near side of `good` and an issue on the far side of `issue`. `concern` is where concern begins;
    without it, it begins where good ends. Larger edges towards `issue` mean that lower is better, smaller ones that higher is.
    Successes, `1 - rate(ws.connect_failures)`, and growth with the load, `by_load(target.memory)`: see `plan.band_text`.
    """

    value: str
    good: Annotated[str, Field(coerce_numbers_to_str=True)]
    concern: Annotated[str, Field(coerce_numbers_to_str=True)] | None = None
    issue: Annotated[str, Field(coerce_numbers_to_str=True)]
    name: str = ""

    @model_validator(mode="after")
    def _readable(self) -> BandLine:
        try:
            if level_by_load(self.value):
                linear_up_to(self.good, self.concern, self.issue)
                return self
            limits = [self._limit(edge) for edge in self.edges]
        except UsageError as error:
            raise Wrong(error.what, hint=error.hint) from None
        if limits != sorted(limits, reverse=limits[0] > limits[-1]) or len(set(limits)) != len(limits):
            raise Wrong("its edges are not in order", example="good: 3s, issue: 5s")
        return self

    @property
    def edges(self) -> tuple[str, ...]:
        """The edges that are set, from good to issue."""
        return tuple(edge for edge in (self.good, self.concern, self.issue) if edge is not None)

    @property
    def operator(self) -> str:
        """How the figure that is read compares with an edge when it lies on the good side of it."""
        return "<" if self._limit(self.good) < self._limit(self.issue) else ">"

    def _limit(self, edge: str) -> float:
        return parse_gate(f"{figure_of(self.value)} < {edge_of(self.value, edge)}").limit


class StopRules(_Model):
    """When to end early: more failures than this share, once so many requests have been made."""

    error_share: Share | None = None
    after_requests: Annotated[int, Field(gt=0)] = 100


class Plan(_Model):
    """One run, resolved; the same whether it was written in Python, YAML, TOML or JSON."""

    name: str = "suite"
    target: str | None = None
    embedded: bool = Field(default=False, description="without a target, start the reference backend for the time of the run")
    seed: Annotated[int, Field(ge=0)] = 1
    scenarios: Annotated[tuple[ScenarioPlan, ...], Field(min_length=1)]
    gates: tuple[GateLine, ...] = ()
    bands: tuple[BandLine, ...] = ()
    metrics: Metrics = Field(default_factory=dict)
    probes: tuple[ProbePlan, ...] = ()
    http: HttpSettings = HttpSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    llm: LlmSettings = LlmSettings()
    voice: VoiceSettings = VoiceSettings()
    stop: StopRules = StopRules()
    baselines: BaselineSettings = BaselineSettings()
    results: ResultSettings = ResultSettings()
    tags: Tags = Field(default_factory=dict)
    graceful_stop_s: Delay = Field(default=30.0, alias="graceful_stop")
    settle_s: Delay = Field(default=0.0, alias="settle", description="how long the target rests after the load, and is still watched")
    patience_s: Duration = Field(default=10.0, alias="patience")
    endpoints: bool | tuple[str, ...] = Field(
        default=False, description="paths that are asked once before the run, by HEAD; true: its steps'"
    )
    workers: Annotated[int, Field(gt=0, le=1024)] = 1
    allow_unreached: bool = False
    allow_few: bool = Field(default=False, description="decide gates on percentiles of streams also on fewer samples than they need")
    prices: Prices | None = None
    pressure: PressurePlan | None = None
    source: str = ""

    @field_validator("scenarios", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """A mapping name → scenario, as files write it."""
        if not isinstance(value, dict):
            return value
        return [{"name": name, **each} if isinstance(each, dict) else each for name, each in value.items()]

    @model_validator(mode="after")
    def _has_questions(self) -> Plan:
        asks = (step for scenario in self.scenarios for step in scenario.steps if step.llm is not None and step.llm.takes_prompt)
        if self.llm.prompts is None and (step := next(asks, None)) is not None:
            raise Wrong(f"step {step.name} asks nothing, and there are no prompts", hint="llm: {prompt: Say hello} in the step")
        return self

    @field_validator("target")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise Wrong("must start with http:// or https://", example="http://127.0.0.1:8000")
        if value is not None and "@" in value.split("/")[2]:
            raise Wrong("holds a password, which reports would show", hint="http: {auth: {basic: user:${env:PASSWORD}}}")
        return value.rstrip("/") if value else value

    def slos(self) -> tuple[Slo, ...]:
        """The objectives of its gates, each once, for those who count the requests that meet them."""
        found = (gate.spec().slo for gate in self.gates)
        return tuple(dict.fromkeys(slo for slo in found if slo is not None))

    def wire(self) -> str:
        """The plan as JSON with its secrets, for worker processes: never print or store it. Probes stay with the parent."""
        return self.model_dump_json(context=REVEAL, exclude={"probes"})

    @classmethod
    def from_wire(cls, text: str) -> Plan:
        """The plan that `wire` wrote."""
        return cls.model_validate_json(text)
