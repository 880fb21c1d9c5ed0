"""Files of server and terminal, alike for both. All of it blocks."""
