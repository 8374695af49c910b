"""What makes a row true, and what makes two rows equal."""
