"""A precompiled image's own table of inlinings (ReadyToRun section 119, CrossModuleInlineInfo),
read without the runtime, so that a test can compare the two. Only what the framework's images
hold of it. The format: src/shared/r2r."""

import struct

INLINE_INFO = 119
MULTI_MODULE = 0x40


class Image:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        coff = self._u32(0x3C) + 4
        optional = coff + 20
        sections = optional + self._u16(coff + 16)
        self._sections = [struct.unpack_from("<IIII", self.data, sections + 40 * index + 8)
                          for index in range(self._u16(coff + 2))]
        directories = optional + (112 if self._u16(optional) == 0x20B else 96)
        cor20 = self._offset(self._u32(directories + 14 * 8))
        header = self._offset(self._u32(cor20 + 64))
        assert self.data[header:header + 4] == b"RTR\0", f"{path} has no precompiled code"
        self.flags = self._u32(header + 8)
        self.table = None
        for index in range(self._u32(header + 12)):
            kind, rva, size = struct.unpack_from("<III", self.data, header + 16 + 12 * index)
            if kind == INLINE_INFO:
                self.table = self._offset(rva), size

    def _u16(self, at):
        return struct.unpack_from("<H", self.data, at)[0]

    def _u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def _offset(self, rva):
        for size, start, raw_size, raw in self._sections:
            if start <= rva < start + max(size, raw_size):
                return rva - start + raw
        raise ValueError(hex(rva))

    def _number(self, at, signed=False):
        """A number of the native format, and where the next one stands."""
        first = self.data[at]
        for length in range(1, 5):
            if not first >> (length - 1) & 1:
                bits = int.from_bytes(self.data[at:at + length], "little", signed=signed)
                return bits >> length, at + length
        return struct.unpack_from("<i" if signed else "<I", self.data, at + 1)[0], at + 5

    def _entries(self):
        """Where the payloads of the hash table stand."""
        start, _ = self.table
        header = self.data[start]
        buckets, width = 1 << (header >> 2), 1 << (header & 3)
        base = start + 1
        offsets = [int.from_bytes(self.data[base + i * width:base + (i + 1) * width], "little")
                   for i in range(buckets + 1)]
        for first, last in zip(offsets, offsets[1:]):
            at = base + first
            while at < base + last:
                place = at + 1
                delta, at = self._number(place, signed=True)
                yield place + delta

    def inlinings(self):
        """{inlinee token: set of inliner tokens}, both of this module."""
        found = {}
        multi = bool(self.flags & MULTI_MODULE)
        for at in self._entries():
            left, at = self._number(at)
            numbers = []
            for _ in range(left):
                number, at = self._number(at)
                numbers.append(number)
            head = numbers.pop(0)
            assert not head & 3, "an inlining across modules: not in the framework"
            if multi:
                assert numbers.pop(0) == 0, "an inlinee of another module: not in the framework"
            rid, inliners = 0, set()
            while numbers:
                delta = numbers.pop(0)
                if multi:
                    assert not delta & 1, "an inliner of another module: not in the framework"
                    delta >>= 1
                rid += delta
                inliners.add(0x06000000 | rid)
            found.setdefault(0x06000000 | head >> 2, set()).update(inliners)
        return found
