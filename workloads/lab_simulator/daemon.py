"""A PTDaemon that is emulated: it answers over TCP like the real one, and measures nothing.

It is for tests and demonstrations of whatever commands a PTDaemon. Its power is a function of time
that the caller gives. It never passes for the real program: its banner, its version and its log
say that it is emulated, and so does every file that is made from them.

    python -m lab_simulator.daemon --port 8888 --watts 250 --log ptd_logs.txt
"""

from __future__ import annotations

import argparse
import socketserver
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .analyzer import (
    CURRENT_RANGES_A,
    VOLTAGE_RANGES_V,
    WT310E,
    Analyzer,
    Sample,
    read_samples,
    snap,
)
from .clock import utc_stamp
from .meter import Recording
from .power import NS, to_ns
from .power_server import GO_REPLY
from .ptdaemon import CONNECT_S, PtDaemon, summary

VERSION = "1.11.1"
Power = Callable[[int, int], float]
"""Mean power between two instants [ns UTC], in watts."""


class EmulatedDaemon:
    """A daemon with one analyzer behind it, on a port of 127.0.0.1.

    Args:
        power: What the analyzer sees.
        analyzer: Which analyzer is emulated.
        log: File for what a PTDaemon prints.
        sample_s: Time between two readings [s]: real ones are a second apart, tests need not wait.
        seed: For the noise of voltages.
    """

    def __init__(
        self,
        power: Power,
        *,
        analyzer: Analyzer = WT310E,
        log: Path | None = None,
        port: int = 0,
        sample_s: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.power, self.analyzer, self.sample_s = power, analyzer, sample_s
        self.daemon = PtDaemon(analyzer, VERSION)
        self.log = log
        self.samples: list[Sample] = []
        self.range_v: float | None = None
        self.range_a: float | None = None
        self.initial_a, self.initial_v = 5.0, 150.0
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._measuring = threading.Event()
        self._written = 0
        # The daemon was connected to its analyzer just now; its log must not lie ahead of time.
        self.daemon.connect(time.time_ns() - to_ns(CONNECT_S))
        self._server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", port), self._handler(), bind_and_activate=False
        )
        self._server.allow_reuse_address = True
        self._server.daemon_threads = True
        self._server.server_bind()
        self._server.server_activate()
        self.port: int = self._server.server_address[1]
        self._flush()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._measuring.clear()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        emulator = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while line := self.rfile.readline(4096):
                    reply = emulator.answer(line.decode("utf-8", "replace").strip())
                    self.wfile.write(reply.encode())

            def finish(self) -> None:
                emulator.lost_connection()

        return Handler

    def lost_connection(self) -> None:
        """A real daemon goes on measuring; its next client must stop it first."""
        self.daemon.say(time.time_ns(), "No data returned by socket read.")
        self.daemon.say(time.time_ns(), "Waiting for a connection...")
        self._flush()

    def answer(self, command: str) -> str:
        """The lines that answer a command, as they go over the wire."""
        with self._lock:
            if command.startswith("RL") or command == "DC-RL":
                return self._readings(command)
            reply = self._reply(command)
            self.daemon.answer(time.time_ns(), command, reply)
            self._flush()
            return f"{reply}\r\n"

    def _reply(self, command: str) -> str:
        words = command.split(",")
        if command == "Hello":
            return "Hello, PTDaemon here!"
        if command == "Identify":
            return self.daemon.identify_reply().replace("-simulated", "-emulated")
        if command == "RR":
            autos = [int(value is None) for value in (self.range_a, self.range_v)]
            amps, volts = self.range_a or self.initial_a, self.range_v or self.initial_v
            return f"Ranges,{autos[0]},{amps:.6f},{autos[1]},{volts:.6f}"
        if words[0] == "SR" and len(words) == 3 and words[1] in ("V", "A"):
            return self._set_range(words[1], words[2])
        if words[0] == "Go" and len(words) == 4:
            return self._go(words[3])
        if command == "Stop":
            return self._stop()
        good = [sample for sample in self.samples if not sample.failure]
        if command == "Watts" and good:
            return self.daemon.watts_reply(self.samples)
        if command == "Uncertainty" and good:
            is_auto = self.range_a is None or self.range_v is None
            self.daemon.range_w = (self.range_a or 0.0) * (self.range_v or 0.0)
            return self.daemon.uncertainty_reply(self.samples, auto_range=is_auto)
        return "Unknown command"

    def _set_range(self, quantity: str, text: str) -> str:
        steps = VOLTAGE_RANGES_V if quantity == "V" else CURRENT_RANGES_A
        value = None if text == "Auto" else snap(float(text), steps)
        if quantity == "V":
            self.range_v = value
        else:
            self.range_a = value
        name = {"V": "Volt", "A": "Ampere" if value is None else "Amp"}[quantity]
        shown = "Auto" if value is None else f"{value:.6f}{quantity}"
        self.daemon.say(time.time_ns(), f"{name} range set to {shown}")
        return f"Range {quantity} changed"

    def _go(self, mark: str) -> str:
        if self._measuring.is_set():
            return "Error: a measurement is running"
        self.samples = []
        self._measuring.set()
        self.daemon.say(time.time_ns(), f"Go with mark '{mark}'")
        threading.Thread(target=self._measure, daemon=True).start()
        return GO_REPLY

    def _stop(self) -> str:
        if not self._measuring.is_set():
            return "Error: no measurement to stop"
        self._measuring.clear()
        self.daemon.say(time.time_ns(), "Completed test")
        if any(not sample.failure for sample in self.samples):
            self.daemon.say(time.time_ns(), summary(self.daemon.watts_reply(self.samples)))
        return "Stopping untimed measurement"

    def _measure(self) -> None:
        """Take a reading of each interval, stamped at its end, until the measurement is stopped."""
        begin = time.time_ns()
        step_ns = round(self.sample_s * NS)
        while self._measuring.is_set():
            end = begin + step_ns
            time.sleep(max(0.0, (end - time.time_ns()) / NS))
            watts = self.power(begin, end)
            recording = Recording("mean", np.array([end], np.int64), np.array([round(watts, 1)]))
            with self._lock:
                if self._measuring.is_set():
                    self.samples += read_samples(self.analyzer, recording, self._rng)
            begin = end

    def _readings(self, command: str) -> str:
        now_ns = time.time_ns()
        if command == "RL,*,*" and self.analyzer.channels == 1:
            self.daemon.answer(now_ns, command, "Invalid number of parameters")
            return "Invalid number of parameters\r\n"
        head = f"Last {len(self.samples)} samples"
        if self.analyzer.channels > 1:
            head += f" from sum channel and channels 1 - {self.analyzer.channels}"
        self.daemon.answer(now_ns, command, head)
        self.daemon.send_samples(now_ns, self.samples)
        self._flush()
        return "".join(f"{line}\r\n" for line in [head, *(s.raw_line() for s in self.samples)])

    def _flush(self) -> None:
        """Write what is new to the log file."""
        if self.log is None:
            return
        new, self._written = self.daemon.log[self._written :], len(self.daemon.log)
        with self.log.open("a", newline="") as file:
            file.write("".join(new))


def main() -> None:
    parser = argparse.ArgumentParser(description="An emulated PTDaemon at constant power.")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--watts", type=float, default=250.0)
    parser.add_argument("--log", type=Path, default=Path("ptd_logs.txt"))
    options = parser.parse_args()
    emulator = EmulatedDaemon(
        lambda _begin, _end: options.watts, log=options.log, port=options.port
    )
    print(f"emulated PTDaemon on 127.0.0.1:{emulator.port}, {utc_stamp(time.time_ns())}")
    threading.Event().wait()


if __name__ == "__main__":
    main()
