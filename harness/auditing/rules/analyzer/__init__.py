"""Rules on what PTDaemon and the power analyzer logged: commands, replies, readings, identity."""
