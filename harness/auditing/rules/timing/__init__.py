"""Rules on time: the timed window, how the readings cover it, and the clocks behind both."""
