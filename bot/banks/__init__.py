"""Banks of entries: adding, revoking, known-good, collision checks."""
