"""Leaderboard tables, rank sets, and the comparison of two results."""
