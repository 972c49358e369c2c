"""Checks of MLPerf's own checker on Endpoints packages, under its names: a module for a family."""
