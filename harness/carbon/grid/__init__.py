"""Grid data: annual intensities that ship with the project, hourly series of the user, providers of third parties."""
