"""Runners: start a workload under supervision, and read from its logs what it did."""
