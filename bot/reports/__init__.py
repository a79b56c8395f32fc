"""Members' reports."""
