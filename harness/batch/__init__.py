"""Audit and score of many entries: one function of an entry, mapped by any executor."""
