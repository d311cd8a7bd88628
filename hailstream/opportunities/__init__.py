"""``hailstream opportunities``: routes and areas out of trip files, without a stack."""
