"""Clients of the protocols that network meters speak, each with a deadline for the whole answer."""
