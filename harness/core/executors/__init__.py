"""Where the work on many entries is done: in this process, in several, or on many machines."""
