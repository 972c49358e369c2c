"""Documents: errors, schemas, canonical bytes and safe reading of files. The lowest layer."""
