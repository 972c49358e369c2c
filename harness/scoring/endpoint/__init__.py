"""Figures of loads on LLM endpoints beside energy: cost, steady part, phases, provision."""
