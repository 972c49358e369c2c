"""Grid data: annual intensities that ship, series of the user, providers of third parties."""
