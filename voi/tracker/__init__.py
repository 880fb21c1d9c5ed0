"""The BitTorrent tracker: which peers are told of which. Knows info-hashes, peers and terminal keys, not templates."""
