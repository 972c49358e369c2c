"""Results for notebooks: lists that show themselves, data frames and pictures."""
