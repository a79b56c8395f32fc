"""What was posted before: how far each channel was processed, and reading what is missing."""
