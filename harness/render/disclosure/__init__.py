"""Energy disclosures: results in the terms of a regulation or a standard.

Each module writes one standard. All of them state measured, estimated, declared and unknown
figures apart, and name the files behind each measured one.
"""
