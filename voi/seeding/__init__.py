"""The one libtorrent session: what is seeded, what is downloaded, and what we already know of the files."""
