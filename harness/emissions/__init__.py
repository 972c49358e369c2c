"""Emissions."""
