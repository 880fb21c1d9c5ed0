"""Every sentence with which the server says why, in one catalogue, by code and values."""
