"""Meters on a network: what BMCs, PDUs, exporters, plugs, UPSs and analyzers share."""
