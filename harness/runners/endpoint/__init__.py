"""Load on an LLM server behind an OpenAI-compatible URL.

The order of a point, which is one load at one concurrency:

1. ``runner.Endpoint`` writes a job file and starts ``load_process`` as the measured command.
2. ``load_process`` starts the server where the workload brings one, warms it up, then sends the
   questions as ``schedule`` says, through ``client``, and logs what happens with ``events``.
3. ``runner.Endpoint.outcome`` reads the event log back; ``metrics`` and ``questions`` derive
   every figure from it, and so does the audit.
"""
