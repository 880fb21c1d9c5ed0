"""VOI: one server for rooms full of PCs that boot disk images from their own disks."""

__version__ = "0.2.0.dev0"
