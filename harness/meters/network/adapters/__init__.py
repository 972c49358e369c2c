"""One module for each protocol of network meters.

The module of a meter has its name and defines `METER`, its class. Nothing lists them: the registry
finds them by their place.
"""
