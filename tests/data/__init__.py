"""Data directories that released versions left behind: each later version must open them."""
