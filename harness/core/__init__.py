"""The lowest layer: errors, safe file reading, schemas, timestamps, process pool, cache."""
