"""Experiments: registered comparisons of workloads that reach one target in different ways.

- :mod:`harness.experiments.design` reads what was registered before the runs
- :mod:`harness.experiments.recording` makes the runs, in alternation
- :mod:`harness.experiments.trainings` reads what the logs of the runs state
- :mod:`harness.experiments.analysis` compares energy and processor time, with intervals
"""
