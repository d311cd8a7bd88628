"""Monthly files of trips, straight into the archive: the same events that a replay of them sends."""
