"""Show power and energy as they are measured; nothing here is recorded or used for a result."""
