"""Signatures: keys, envelopes, the trust file, and what a submission's manifest and signatures say of its files."""
