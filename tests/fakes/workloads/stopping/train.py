"""A training that ends in the way its arguments ask for."""

import argparse
import json
import time

parser = argparse.ArgumentParser()
for name in ("seed", "result", "how"):
    parser.add_argument(f"--{name}")
asked = parser.parse_args()
with open(asked.result, "w") as file:

    def line(key, value=None, **metadata):
        said = {
            "key": key,
            "value": value,
            "time_ms": time.time_ns() // 1_000_000,
            "metadata": metadata,
        }
        print(":::MLLOG " + json.dumps(said), file=file, flush=True)

    line("seed", int(asked.seed))
    if asked.how != "unstarted":
        line("run_start")
    time.sleep(0.3)
    if asked.how != "unstopped":
        line("run_stop", status="aborted" if asked.how == "aborted" else "success")
    if asked.how != "unjudged":
        line("test_accuracy", 0.5 if asked.how == "poor" else 0.95)
