"""Files and directories: written so that they survive, hashed, copied. All of it blocks."""
