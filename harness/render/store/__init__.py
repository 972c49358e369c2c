"""A store of results as typed tables: rounds are collected once, and queried often."""
