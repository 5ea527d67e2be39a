"""Performance testing for AI backends."""
