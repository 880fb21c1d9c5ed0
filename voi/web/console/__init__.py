"""The console: a page with its scripts, served from memory."""
