"""What several commands share: outputs, progress, pictures, prices and settings."""
