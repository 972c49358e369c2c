"""Rules on the readings themselves: their values, their arithmetic, and copies of them."""
