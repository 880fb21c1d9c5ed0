"""The BitTorrent tracker: who meets whom. Knows info-hashes, peers and terminal keys, not templates."""
