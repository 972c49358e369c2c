"""Rules on the evidence as a whole: is it complete, unchanged, and consistent with its own logs."""
