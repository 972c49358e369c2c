"""Ptdaemon."""
