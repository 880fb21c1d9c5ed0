"""What the benches decide by themselves, without running anything."""
