"""An analyzer that the director reads by SCPI itself, without a PTDaemon.

It takes the director's commands and answers in the form of a PTDaemon, so that the session and its
package stay the same. It never passes for one: its greeting, the version in its identity, the name
of the session and its log say that no PTDaemon ran. Official rounds of MLPerf refuse such a result,
and it is ranked in a class of its own.

The instrument averages over one second (`:RATE 1S`) and is asked once a second, as a PTDaemon does.
Several elements are asked in one request, so that their readings are of one update, and written as
a PTDaemon writes several channels: their sum, then each. Commands are those of the Yokogawa WT300
and WT500 families (IM WT310-17EN, IM 760201-17E).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence

from harness import __version__
from harness.core.errors import shorten
from harness.core.numbers import plain_number
from harness.core.timestamps import NS
from harness.formats.ptdaemon.analyzer import (
    VOLT_STEPS,
    WITHOUT_DAEMON,
    amp_steps,
    instrument_id,
    range_for,
)
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.ptdaemon import (
    SAMPLE_MS,
    Listener,
    PtdRange,
    PtdSample,
    parse_sample,
)
from harness.meters.network.clients.scpi import ScpiClient
from harness.meters.network.clients.wiring import parse_wiring
from harness.traces.instruments import UNKNOWN_ANALYZER, instrument

GREETING = "Hello, no PTDaemon here: joulemark reads the analyzer by SCPI"
LOG_NOTE = "No PTDaemon ran. This log is of joulemark, which reads the analyzer by SCPI."
SETUP = (":COMMUNICATE:HEADER OFF", ":NUMERIC:FORMAT ASCII", ":RATE 1S")
FUNCTIONS = ("P", "U", "I", "LAMBDA")
"""What is asked of each element."""
WIRING = ":INPUT:WIRING?"
VALUES = ":NUMERIC:NORMAL:VALUE?"
MAX_VALUE = 9e37
"""Yokogawa marks what is no number by 9.91E+37, and an overload by 9.9E+37."""
WT500 = re.compile(r"76020\d|WT500(?!0)")
"""Models whose elements have ranges of their own; they identify themselves by number."""
WT330 = re.compile(r"WT33\dE?")
FAILED = -1.0
"""How a PTDaemon writes a reading that failed."""
QUANTITIES = {"V": ("VOLTAGE", "Volt"), "A": ("CURRENT", "Amp")}
STARTED = "Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples"
STOPPED, NOTHING_TO_STOP = "Stopping untimed measurement", "Error: no measurement to stop"
MAX_UNCERTAINTY = 0.01
"""Limit that MLPerf sets for the uncertainty of a reading."""
UNKNOWN_UNCERTAINTY = "-1.0,10000000.000000,0.000000"


class ScpiAnalyzer:
    """One analyzer; see the module.

    Args:
        client: Connection to the instrument.
        elements: Numbers of the elements to read, each of a feed of its own or of a phase.
        sample_s: Time between two readings [s]; MLPerf demands one second.

    Attributes:
        identity: The answer to `Identify`; empty before `open`.
    """

    def __init__(
        self,
        client: ScpiClient,
        elements: Sequence[int] = (1,),
        sample_s: float = SAMPLE_MS / 1000,
    ) -> None:
        self._listener: Listener = lambda _command, _reply: None
        self.identity = ""
        self._client = client
        self._elements = tuple(elements)
        self._range_suffixes: Sequence[str] = ("",)
        self._sample_s = sample_s
        self._samples: list[PtdSample] = []
        self._log = [f"{LOG_NOTE}\n"]
        self._ranges = PtdRange(None, None)
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def listen(self, listener: Listener) -> None:
        """Call a function with each command and its answer from now on."""
        self._listener = listener

    def open(self) -> None:
        """Connect, identify, and set the instrument up.

        Raises:
            PeerFailed: It does not answer, or is no analyzer of the known families.
        """
        self._client.open()
        words = self._client.identity
        model = words["model"]
        name = _ptd_name(model, len(self._elements))
        count = len(self._elements)
        fields = f"1000,1,1,1,1,0,0,1,version=joulemark-{__version__}{WITHOUT_DAEMON}OS=none"
        meter = ";".join([words["maker"], model, words["serial"], words.get("firmware", "")])
        identity = f"{name},{fields},mode=power,1,1,{count},0,0,no_cal_date,{meter}"
        if "YOKOGAWA" not in words["maker"].upper() or instrument_id(identity) == UNKNOWN_ANALYZER:
            raise PeerFailed(f"no analyzer of a known family: {shorten(model, 40)!r}")
        if count > 1:
            self._check_wiring(model)
        if WT500.search(model):
            self._range_suffixes = [f":ELEMENT{element}" for element in self._elements]
        for command in (*SETUP, *_items(self._elements)):
            self._client.write(command)
        self.identity = identity
        self._listener("Hello", GREETING)
        self._listener("Identify", identity)
        self._say(f"Analyzer identity: {meter}")

    def close(self) -> None:
        """End a measurement, and close the connection."""
        self._end()
        self._client.close()

    def log_text(self) -> str:
        """Return what a PTDaemon would have logged."""
        return "".join(self._log)

    def ranges(self) -> PtdRange:
        """Return the present ranges.

        Raises:
            PeerFailed: The instrument states none.
        """
        states = [self._range_state(QUANTITIES[quantity][0]) for quantity in ("A", "V")]
        self._ranges = PtdRange(*(None if is_auto else value for is_auto, value in states))
        shown = [f"{int(is_auto)},{value:.6f}" for is_auto, value in states]
        self._listener("RR", ",".join(["Ranges", *shown]))
        return self._ranges

    def _range_state(self, word: str) -> tuple[bool, float]:
        """Return whether a range is automatic, and its value [V or A].

        Raises:
            PeerFailed: The instrument states none, or the elements differ.
        """
        states = []
        for suffix in self._range_suffixes:
            is_auto = self._client.ask(f":INPUT:{word}:AUTO{suffix}?").upper() in ("1", "ON")
            value = plain_number(self._client.ask(f":INPUT:{word}:RANGE{suffix}?"))
            if value is None or value <= 0:
                raise PeerFailed(f"no {word.lower()} range")
            states.append((is_auto, value))
        automatic = {is_auto for is_auto, _ in states}
        fixed = {value for is_auto, value in states if not is_auto}
        if len(automatic) > 1 or len(fixed) > 1:
            raise PeerFailed(f"the elements have unlike {word.lower()} ranges; set them alike")
        return states[0]

    def set_range(self, quantity: str, value: str) -> None:
        """Set the range of `V` or `A` to the smallest that holds a value, or to automatic.

        Raises:
            PeerFailed: There is no such range, or the instrument does not take it.
        """
        word, name = QUANTITIES[quantity]
        range_value = None
        if value == "Auto":
            self._client.write(f":INPUT:{word}:AUTO ON")
        else:
            steps = VOLT_STEPS if quantity == "V" else amp_steps(self.identity)
            range_value = range_for(value, steps)
            if range_value is None:
                raise PeerFailed(f"no range of {quantity} holds {shorten(value, 20)}")
            self._client.write(f":INPUT:{word}:AUTO OFF")
            self._client.write(f":INPUT:{word}:RANGE {range_value:g}{quantity}")
            for suffix in self._range_suffixes:
                reply = plain_number(self._client.ask(f":INPUT:{word}:RANGE{suffix}?"))
                if reply is None or abs(reply / range_value - 1) > 1e-6:
                    raise PeerFailed(f"the range of {quantity} is {reply}, not {range_value:g}")
        volts = range_value if quantity == "V" else self._ranges.volts
        amps = range_value if quantity == "A" else self._ranges.amps
        self._ranges = PtdRange(amps, volts)
        shown = "Auto" if range_value is None else f"{range_value:.6f}{quantity}"
        self._say(f"{name} range set to {shown}")
        self._listener(f"SR,{quantity},{value}", f"Range {quantity} changed")

    def go(self, mark: str) -> None:
        """Begin to measure.

        Raises:
            PeerFailed: A measurement is running.
        """
        if self._thread is not None:
            raise PeerFailed("a measurement is running")
        self._samples = []
        self._ended.clear()
        self._say(f"Go with mark '{mark}'")
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()
        self._listener(f"Go,{SAMPLE_MS},0,{mark}", STARTED)

    def stop(self) -> None:
        """End the measurement."""
        was_measuring = self._end()
        if was_measuring:
            self._say("Completed test")
        self._listener("Stop", STOPPED if was_measuring else NOTHING_TO_STOP)

    def samples(self) -> list[PtdSample]:
        """Return all readings of the last measurement."""
        samples = list(self._samples)
        command = "RL,*,*" if len(self._elements) > 1 else "RL"
        self._listener(command, f"Last {len(samples)} samples")
        self._listener("", "".join(f"{sample.line}\n" for sample in samples))
        return samples

    def ask(self, command: str) -> str:
        """Return the answer to `Watts` or `Uncertainty`."""
        samples = list(self._samples)
        reply = self._watts(samples) if command == "Watts" else self._uncertainty(samples)
        self._listener(command, reply)
        return reply

    def _check_wiring(self, model: str) -> None:
        """Check that the sum of the elements is a power.

        Raises:
            PeerFailed: An element measures no feed.
        """
        wiring = parse_wiring(self._client.ask(WIRING), model)
        if wiring is not None and wiring.meaningless in self._elements:
            raise PeerFailed(
                f"wired as {wiring.text}, element {wiring.meaningless} measures no feed; leave it "
                "out"
            )

    # --- measuring

    def _measure(self) -> None:
        """Ask for a reading once a second until the measurement is ended."""
        next_s = time.monotonic() + self._sample_s
        while not self._ended.wait(max(0.0, next_s - time.monotonic())):
            next_s += self._sample_s
            try:
                words = self._client.ask(VALUES).split(",")
            except PeerFailed as error:
                self._say(f"ERROR: {error}")
                words = []
            sample = parse_sample(_line(time.time_ns(), words, len(self._elements)))
            if sample is not None:
                self._samples.append(sample)
                self._log.append(f"{sample.line}\n")

    def _end(self) -> bool:
        """End the measurement; return whether there was one."""
        thread, self._thread = self._thread, None
        if thread is None:
            return False
        self._ended.set()
        thread.join()
        return True

    def _watts(self, samples: Sequence[PtdSample]) -> str:
        good_w = [sample.watts for sample in samples if sample.watts > 0]
        if not good_w:
            return "Watts,-1.000000,-1.000000,-1.000000,0,0,0"
        figures = (sum(good_w) / len(good_w), min(good_w), max(good_w))
        shown = ",".join(f"{figure:.6f}" for figure in figures)
        return f"Watts,{shown},{len(samples)},{len(samples) - len(good_w)},{len(good_w)}"

    def _uncertainty(self, samples: Sequence[PtdSample]) -> str:
        """Return the limits of the instrument at its fixed ranges, as fractions of the readings."""
        good = [sample for sample in samples if sample.watts > 0]
        amps, volts = self._ranges.amps, self._ranges.volts
        if not good or amps is None or volts is None:
            return f"Uncertainty,{UNKNOWN_UNCERTAINTY},{len(samples)},0,0,{len(samples)}"
        meter = instrument(instrument_id(self.identity))
        fractions = []
        for sample in good:
            limits = meter.accuracy(
                range_w=volts * amps * len(self._elements),
                power_factor=sample.power_factor,
                volts=sample.volts,
                amps=sample.amps,
            )
            fractions.append(limits.gain_mpe + limits.range_limit_w / sample.watts)
        above = sum(fraction > MAX_UNCERTAINTY for fraction in fractions)
        figures = (sum(fractions) / len(fractions), min(fractions), max(fractions))
        shown = ",".join(f"{figure:.6f}" for figure in figures)
        unknown = len(samples) - len(good)
        counts = f"{len(samples)},{above},{len(good) - above},{unknown}"
        return f"Uncertainty,{shown},{counts}"

    def _say(self, text: str) -> None:
        self._log.append(f"{_stamp(time.time_ns())}: {text}\n")


def _ptd_name(model: str, count: int) -> str:
    """Return the name of an analyzer as a PTDaemon gives it: of several channels, its family."""
    if WT500.search(model):
        model = "WT500"
    elif count > 1 and WT330.search(model):
        model = "WT330"
    return f"Yokogawa{model}_multichannel" if count > 1 else f"Yokogawa{model}"


def _items(elements: Sequence[int]) -> Iterator[str]:
    """Yield the commands by which one request asks for all quantities of all elements."""
    items = [f"{function},{element}" for element in elements for function in FUNCTIONS]
    yield f":NUMERIC:NORMAL:NUMBER {len(items)}"
    for number, item in enumerate(items, 1):
        yield f":NUMERIC:NORMAL:ITEM{number} {item}"


def _line(t_ns: int, words: Sequence[str], count: int) -> str:
    """Return a reading as a PTDaemon writes it; of several elements, their sum before them.

    One element without a number fails the whole reading: a sum without it would be too small.
    """
    size = len(FUNCTIONS)
    values = [plain_number(word) for word in words[: size * count]]
    numbers = [value for value in values if value is not None and value < MAX_VALUE]
    is_good = len(numbers) == size * count
    groups = [tuple(numbers[k * size : (k + 1) * size]) for k in range(count)]
    if not is_good:
        groups = [(FAILED,) * size] * count
    if count > 1:
        groups.insert(0, _sum_of(groups) if is_good else groups[0])
    return ",".join(["Time", _stamp(t_ns), *map(_group, groups)])


def _sum_of(groups: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the sum of the powers, the means of voltages and currents, and the power factor."""
    watts, volts, amps = (sum(group[k] for group in groups) for k in range(3))
    volt_amperes = volts * amps / len(groups)
    factor = watts / volt_amperes if volt_amperes > 0 else 0.0
    return watts, volts / len(groups), amps / len(groups), factor


def _group(values: Sequence[float]) -> str:
    watts, volts, amps, factor = values
    return f"Watts,{watts:.6f},Volts,{volts:.6f},Amps,{amps:.6f},PF,{factor:.6f}"


def _stamp(t_ns: int) -> str:
    """Return a time in UTC as PTDaemon and LoadGen write it."""
    milliseconds = t_ns % NS // 1_000_000
    return f"{time.strftime('%m-%d-%Y %H:%M:%S', time.gmtime(t_ns // NS))}.{milliseconds:03d}"
