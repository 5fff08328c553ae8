"""Reads the float tensors of a TensorFlow V2 checkpoint without TensorFlow.

`PREFIX.index` is a LevelDB table (sorted keys with shared prefixes, in blocks) that maps a tensor's name to a small
protobuf, `BundleEntryProto`: dtype, shape, shard, offset and size of the raw bytes in `PREFIX.data-00000-of-00001`.
Sources of the two formats: leveldb/doc/table_format.md and tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

_TABLE_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_DT_FLOAT = 1


def read_checkpoint(index: Path) -> dict[str, np.ndarray]:
    """Every float32 tensor of a one-shard checkpoint, by name.

    Args:
        index: the `.index` file; the `.data-00000-of-00001` file is next to it.

    Raises:
        ValueError: a file is not such a checkpoint or has been cut short.
        OSError: a file cannot be read.
    """
    data = index.with_name(index.name.removesuffix(".index") + ".data-00000-of-00001").read_bytes()
    tensors = {}
    for name, entry in _table_entries(index.read_bytes(), source=index):
        if not name:  # the header: number of shards, byte order
            continue
        dtype, shape, offset, size = _bundle_entry(entry)
        if dtype != _DT_FLOAT:
            continue
        if size != 4 * prod(shape) or offset + size > len(data):
            raise ValueError(f"{index} describes {name.decode()} wrongly, or its data file has been cut short")
        tensors[name.decode()] = np.frombuffer(data, "<f4", prod(shape), offset).reshape(shape)
    return tensors


def _table_entries(table: bytes, *, source: Path) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, through its index block."""
    footer = table[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != _TABLE_MAGIC:
        raise ValueError(f"{source} is not the index of a TensorFlow V2 checkpoint")
    _, _, position = _handle(footer, 0)  # of the metaindex block, unused
    for _, handle in _block_entries(table, *_handle(footer, position)[:2]):
        yield from _block_entries(table, *_handle(handle, 0)[:2])


def _block_entries(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block; each key is stored as its difference from the key before it."""
    if table[start + size] != 0:
        raise ValueError("the checkpoint's index is compressed, which TensorFlow never writes")
    (restarts,) = struct.unpack_from("<I", table, start + size - 4)
    end = start + size - 4 * (restarts + 1)
    key, position = b"", start
    while position < end:
        shared, position = _varint(table, position)
        unshared, position = _varint(table, position)
        value_bytes, position = _varint(table, position)
        key = key[:shared] + table[position : position + unshared]
        position += unshared
        yield key, table[position : position + value_bytes]
        position += value_bytes


def _bundle_entry(message: bytes) -> tuple[int, tuple[int, ...], int, int]:
    """dtype, shape, offset and size of a `BundleEntryProto`; proto3 leaves zeros out."""
    fields = {1: 0, 4: 0, 5: 0}
    shape: list[int] = []
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):  # TensorShapeProto, whose field 2 repeats Dim {1: size}
            for kind, dim in _fields(value):
                if kind == 2 and isinstance(dim, bytes):
                    shape.append(next((size for part, size in _fields(dim) if part == 1 and isinstance(size, int)), 0))
        elif isinstance(value, int):
            fields[field] = value
    return fields[1], tuple(shape), fields[4], fields[5]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protobuf message."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(message, position)
        elif wire == 2:
            length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
        elif wire in (1, 5):  # fixed 64 or 32 bits; here the checksum
            width = 8 if wire == 1 else 4
            value, position = message[position : position + width], position + width
        else:
            raise ValueError(f"the checkpoint's index holds an unknown protobuf wire type, {wire}")
        yield field, value


def _handle(buffer: bytes, position: int) -> tuple[int, int, int]:
    """A block handle: offset, size, and the position behind it."""
    offset, position = _varint(buffer, position)
    size, position = _varint(buffer, position)
    return offset, size, position


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """A base-128 integer, lowest seven bits first, and the position behind it."""
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
