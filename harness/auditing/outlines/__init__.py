"""What the audit keeps of each entry to compare it with all others: bounded, without readings."""
