"""Rules on runs: their number, their validity, and the figures that follow from them."""
