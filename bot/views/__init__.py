"""What people see: Block Kit from plain values, in pure functions."""
