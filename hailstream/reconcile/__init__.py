"""What the stream said, held against the archive and corrected."""
