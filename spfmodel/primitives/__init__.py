"""What one mechanism does: its state change and its closed form, side by side."""
