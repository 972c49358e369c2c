"""Compare meters under a load pulse of known times: gain, offset, lag, averaging and faults."""
