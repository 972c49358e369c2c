"""Files of other power loggers, one reader each."""
