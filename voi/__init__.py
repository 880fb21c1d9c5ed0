"""VOI: one server for rooms full of PCs that boot disk images from their own disks."""

__version__ = "0.1.0"
