"""Signatures: keys, envelopes, the trust file, and verification of a submission against them."""
