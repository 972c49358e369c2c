"""Rules on runs: how many there are, whether they are valid, and how their figures follow from them."""
