"""A disk on its way to being a published level: accepted, received, verified, put right, published, announced."""
