"""The whole pipeline killed and paused at random under a steady stream, and every row accounted for at the end."""
