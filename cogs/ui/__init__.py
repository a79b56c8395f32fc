"""Cards, modals and texts: pure functions from rows to components."""
