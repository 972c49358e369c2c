"""The board: a static web site of scored, audited and ranked results."""
