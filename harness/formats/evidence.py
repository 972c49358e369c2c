"""What the files of a run state beside its readings: one record for each family of results.

A run carries an :class:`Evidence` with one or more of these parts; a live LoadGen run has both
LoadGen's values and the record of its sampler:

- :class:`InferenceEvidence`: an MLPerf inference power session
- :class:`TrainingEvidence`: the result log and the power logs of an MLPerf training run
- :class:`TinyEvidence`: the energy files of an MLPerf Tiny result
- :class:`RecordingEvidence`: what joulemark noted when it recorded a run itself
- :class:`EndpointEvidence`: a load on an LLM endpoint
- :class:`PackageEvidence`: one point of an MLPerf Endpoints package

In ``run.json`` they are one flat object, ``facts``; see :mod:`harness.formats.evidence_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.traces.trace import Window

if TYPE_CHECKING:
    from harness.formats.mlperf.endpoints.accuracy import Score
    from harness.formats.mlperf.endpoints.curve import Curve
    from harness.formats.mlperf.endpoints.provisioned import ProvisionedPower
    from harness.formats.mlperf.endpoints.summary import Summary
    from harness.formats.ptdaemon.power_session import Session

Progress = tuple[str, float]
"""What a training log counts, such as ``samples_count``, and the count at the target."""

LOGGED_NAMES = (
    "seed",
    "epochs_to_target",
    "samples_to_target",
    "train_samples",
    "eval_samples",
    "global_batch_size",
    "trainings",
)
"""Values of a live training's log that its run record repeats, under their names in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceEvidence:
    """What an MLPerf inference power session states beside its readings.

    Attributes:
        loadgen: Values of LoadGen's detail log, by their keys there.
        server: The document ``server.json``; empty where it was not read.
        client: The document ``client.json``; empty where it was not read.
        identity: The analyzer's reply to ``Identify``.
        range_w: Voltage range times current range of one channel [W]; ``None`` if unknown.
        utc_shift_ns: Added to the stamps of the logs to make them UTC [ns]; 0 from v1.1 on.
        session: The session's logs, opened on demand; ``None`` away from the foreign files.
    """

    loadgen: Mapping[str, Any] = field(default_factory=dict)
    server: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""
    range_w: float | None = None
    utc_shift_ns: int = 0
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEvidence:
    """What the logs of an MLPerf training run state beside the readings.

    Attributes:
        seeds: All seeds that the result log states, in its order; ``None`` if it was not read.
        progress: What the log counts and the count at the target; ``None`` if it counts nothing.
        stated: Batch size, benchmark, division and platform, by their keys in the result log.
        lost_lines: By power log, the lines that are no MLLOG lines and all its lines.
        rated_stamps: By rated part, the stamp of its estimate [ns, UTC]; ``None`` if unreadable.
    """

    seeds: tuple[Any, ...] | None = None
    progress: Progress | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)
    lost_lines: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rated_stamps: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyEvidence:
    """What the energy files of an MLPerf Tiny result print of one window.

    Attributes:
        energy_uj: Energy of the window as it is printed [uJ].
        per_inference_uj: Energy of an inference as it is printed [uJ].
        median_uj: Median energy of an inference over all windows, as it is printed [uJ].
        seconds: Length of the window as it is printed [s].
        throughput: Inferences per second of the performance run; ``None`` if unknown.
        energy_throughput: The same of the energy run; ``None`` if unknown.
        voltage_v: Supply voltage that the meter reports [V]; ``None`` if unknown.
        script_voltage_v: Supply voltage that the script sets [V]; ``None`` if unknown.
        recomputed_uj: Energies that the trace gives within the rounding of the markers, lowest
            and highest [uJ]; ``None`` without a trace.
        start_s: Begin of the window, by the markers since the trace was switched on [s]; ``None``
            if unknown.
        logged_start_s: The same by the log's clock.
        logged_seconds: Length of the window by the log's clock [s]; ``None`` if unknown.
        samples: Samples of the trial; ``None`` where windows share a trace.
        logged_samples: The same as the log counts them.
    """

    energy_uj: float
    per_inference_uj: float
    median_uj: float | None = None
    seconds: float | None = None
    throughput: float | None = None
    energy_throughput: float | None = None
    voltage_v: float | None = None
    script_voltage_v: float | None = None
    recomputed_uj: tuple[float, float] | None = None
    start_s: float | None = None
    logged_start_s: float | None = None
    logged_seconds: float | None = None
    samples: int | None = None
    logged_samples: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEvidence:
    """What joulemark noted when it recorded a run.

    Attributes:
        incomplete: Why the run was not recorded to its end; empty for a complete run.
        window_from: What marks the window: two lines of the log, or the life of the program.
        logged: Values of the workload's log that the record repeats, see ``LOGGED_NAMES``.
        idle: Idle time before and after the run, by these names; ``None`` if not stated.
        samplers: Statistics of each sampler (meter, reads, missed, failed, lateness, cost).
        rank: Of one rank of a run on several machines: its number, node, peers and clock.
        ranks: Of a merged run: the same of all ranks; ``None`` for a run on one machine.
    """

    incomplete: str = ""
    window_from: str = ""
    logged: Mapping[str, Any] = field(default_factory=dict)
    idle: Mapping[str, Window] | None = None
    samplers: tuple[Mapping[str, Any], ...] | None = None
    rank: Mapping[str, Any] | None = None
    ranks: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEvidence:
    """What a load on an LLM endpoint left beside the readings.

    Attributes:
        model: Name of the model, as the server knows it.
        load: Kind of the load (``concurrency``, ``rate``, ``offline``) and its value.
        grading: ``correct``, ``asked``, ``questions`` and ``chance``; empty if nothing was graded.
        record: Everything that the record states of the point, these included.
    """

    model: str = ""
    load: Mapping[str, Any] = field(default_factory=dict)
    grading: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEvidence:
    """What the files of one point of an MLPerf Endpoints package state.

    Attributes:
        figures: The figures that were derived from them, by name; only these go into a run record.
        layout: ``submission`` (a point of a curve) or ``client`` (what the client leaves).
        folder: Name of the point's folder.
        summary: ``result_summary.json``; ``None`` without one.
        point: ``point.yaml``; empty without one.
        system: The description of the system; empty without one.
        power: Provisioned power; ``None`` without a ``system_power.json``.
        scores: Scores of ``accuracy_results.json``.
        has_accuracy: Whether there is such a file.
        curve: All points of the model on the system; ``None`` outside a submission.
        tree: What exists of the submission's shared folders, of the names that are looked for.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    layout: str = ""
    folder: str = ""
    summary: Summary | None = None
    point: Mapping[str, Any] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    power: ProvisionedPower | None = None
    scores: tuple[Score, ...] = ()
    has_accuracy: bool = False
    curve: Curve | None = None
    tree: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a run beside its readings; parts that its format does not have are ``None``.

    Attributes:
        inference: Of an MLPerf inference run, foreign or live.
        training: Of an MLPerf training run.
        tiny: Of one window of an MLPerf Tiny result.
        recording: Of a run that joulemark recorded.
        endpoint: Of a load on an LLM endpoint.
        package: Of a point of an MLPerf Endpoints package.
        extra: Facts that this release does not interpret; they are written again unchanged.
    """

    inference: InferenceEvidence | None = None
    training: TrainingEvidence | None = None
    tiny: TinyEvidence | None = None
    recording: RecordingEvidence | None = None
    endpoint: EndpointEvidence | None = None
    package: PackageEvidence | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loadgen(self) -> Mapping[str, Any]:
        """LoadGen's values; empty where LoadGen did not run."""
        return self.inference.loadgen if self.inference else {}

    @property
    def session(self) -> Session | None:
        """The logs of the power session, where the foreign files are at hand."""
        return self.inference.session if self.inference else None

    @property
    def progress(self) -> Progress | None:
        """What a training log counts, and the count at the target."""
        return self.training.progress if self.training else None

    @property
    def samplers(self) -> tuple[Mapping[str, Any], ...]:
        """Statistics of each sampler of a recorded run."""
        return (self.recording.samplers or ()) if self.recording else ()
