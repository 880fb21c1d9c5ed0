"""Sentences about images that cannot be distributed."""

from __future__ import annotations

from typing import Final

IMAGES: Final = {
    "parent_size": (
        "{disk} has a disk size of {size} bytes, but its parent {parent} has {parent_size}: "
        "a difference disk must have the size of its parent"
    ),
    "image_header_cut": "the image is cut off: its header is incomplete",
    "image_name_cut": "the image is cut off: its backing name is incomplete",
    "image_version": "the image is qcow version {version}; only versions 2 and 3 can be distributed",
    "image_cluster_bits": "the image's cluster_bits is {bits}, outside 9 to 21",
    "image_refused": "the image is refused: {why}",
    "encrypted": "it is encrypted, and terminals have no key for it",
    "corrupt": "it is marked as corrupt: `qemu-img check -r all` repairs what it can; then check whether it boots",
    "dirty": "it was not closed properly (its reference counts are dirty): `qemu-img check -r all` repairs that",
    "external_data": "its data is in an external file: convert it with `qemu-img convert -O qcow2`",
    "subclusters": (
        "it uses subclusters, which terminals cannot read: convert it with `qemu-img convert -O qcow2 -o "
        "extended_l2=off`"
    ),
    "image_virtual_size": "the image's virtual size is {size} bytes, which is not possible",
    "image_no_refcounts": "the image has no reference count table",
    "image_snapshots": "the image claims {count} snapshots, more than {most}",
    "image_features": "the image needs features that this server does not support (incompatible bits {bits})",
    "image_refcount_order": "the image's refcount_order is {order}, above 6",
    "image_header_length": "the image's header length is {length}, which is not possible",
    "image_compression_bit": "the image's compression type and the feature bit for it contradict each other",
    "image_compression": "the image's compression type is {kind}, which this server does not support",
    "image_table_outside": "the image's {what} is outside the file: the file is cut off or damaged",
    "image_cut": (
        "the image is cut off: {missing} bytes are missing at its end (it needs {wanted}, the file has {length}): "
        "copy it again from where it is whole"
    ),
    "image_cut_tables": (
        "the image is cut off: at least {missing} bytes are missing at its end, tables among them (it needs "
        "{wanted}, the file has {length}): copy it again from where it is whole"
    ),
    "image_damaged": (
        "the image is damaged: {why}; copy it again from where it is whole, or let `qemu-img check -r all` repair what "
        "it can and then check whether it boots"
    ),
    "image_entry_outside": "entry {entry} of its {what} points outside the file, to byte {offset} of {length}",
    "image_entry_unaligned": "entry {entry} of its {what} points to byte {offset}, where no cluster begins",
    "image_entry_reserved": "entry {entry} of its {what} has bits set that must be 0 ({bits})",
    "image_entry_zero": "entry {entry} of its {what} is a zero cluster, which version 2 does not have",
    "image_entry_on_table": "entry {entry} of its {what} points to byte {offset}, where one of its tables is",
    "image_tables_overlap": "two of its tables are at byte {offset}",
    "image_refcount_low": ("the cluster at byte {offset} is used {used} times, but its reference count is {count}"),
    "image_refcount_said": (
        "the cluster at byte {offset} has the reference count {count}, which contradicts the entry that points to it"
    ),
    "image_snapshot": "entry {number} of its snapshot table is malformed or cut off",
    "image_refcounts_large": "the image's reference count table has {length} bytes, more than {most}",
    "image_snapshots_large": (
        "the image's snapshots have {count} entries in their level 1 tables, more than {most}: delete snapshots with "
        "`qemu-img snapshot -d`, or convert it with `qemu-img convert -O qcow2`"
    ),
    "qemu_errors": (
        "`qemu-img check` finds {count} errors in the image ({text}): copy it again from where it is whole, or let "
        "`qemu-img check -r all` repair what it can and then check whether it boots"
    ),
    "qemu_cannot_open": "QEMU cannot open the image: {text}",
    "qemu_crashed": (
        "`qemu-img check` crashed while it read the image (signal {signal}): convert it with `qemu-img convert -O "
        "qcow2` and check whether it boots"
    ),
    "qemu_late": (
        "`qemu-img check` did not end within {seconds:.0f} seconds: try again when the disk is less busy, or convert "
        "the image with `qemu-img convert -O qcow2`"
    ),
    "refcount_table": "reference count table",
    "snapshot_table": "snapshot table",
    "level_1_table": "level 1 table",
    "level_2_table": "level 2 table {number}",
    "snapshot_level_1": "level 1 table of snapshot {number}",
    "image_level_1_size": "the image's level 1 table has {count} entries, which does not match its virtual size",
    "backing_name_long": "the backing name has {length} bytes, more than {most}",
    "backing_name_far": "the backing name is not within the first 64 KiB",
    "backing_name_misplaced": "the backing name is not within the first cluster, after the header",
    "extension_cut": "the image's header extensions are malformed: one is cut off",
    "extension_long": "the image's header extensions are malformed: {kind} is longer than the space for it",
    "extension_twice": "the image's header extensions are malformed: {kind} appears twice",
    "backing_name": "backing name",
    "backing_format": "backing format",
    "not_utf8": "the {what} is not UTF-8",
    "control_characters": "the {what} contains control characters",
    "level_unknown": "level {level} cannot be distributed, only levels 0 to {highest} can",
    "base_with_backing": (
        "level 0 must stand alone, but this image has a backing file, {text!r}: convert it with `qemu-img "
        "convert -O qcow2`, or upload it as a difference disk"
    ),
    "difference_alone": "level {level} is a difference disk and must name a backing file, but this image names none",
    "no_backing": "the image has no backing file to rename",
    "backing_not_utf8": "the new backing name cannot be written as UTF-8",
    "backing_not_printable": "the new backing name must be 1 to {most} bytes of printable text",
    "backing_does_not_fit": "the new backing name does not fit into the image's first cluster and first 64 KiB",
    "other_format": "the file is not a qcow2 image but seems to be {what}: convert it with `qemu-img convert -O qcow2`",
    "empty_file": "the file is not a qcow2 image: it is empty or begins with zeros only",
    "raw_file": "the file is not a qcow2 image but may be a raw one: convert it with `qemu-img convert -O qcow2`",
    "vhd": "a VHD image",
    "vhdx": "a VHDX image",
    "vmdk": "a VMDK image",
    "vmdk_descriptor": "a VMDK descriptor",
    "vdi": "a VDI image",
    "qed": "a QED image",
    "gzip": "a gzip file",
    "xz": "an xz file",
    "zstd": "a zstd file",
    "zip": "a zip file",
    "cd": "a CD image",
    "raw_gpt": "a raw image (it has a GPT)",
    "raw_boot_sector": "a raw image (it has a boot sector)",
}
"""Why an image cannot be distributed."""
