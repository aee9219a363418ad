// The files of the persistent code cache, as bytes. Little-endian, as the hosts that run translated code are.
//
// A folder holds `key` (32 random bytes), `lock` (its flock() orders writers) and one NAME.code for each engine, NAME
// being the engine's fingerprint. A .code file is a header and segments; a segment is what a run wrote at once: its
// header, its index, its records. Segments are only ever appended; what a crash leaves behind the last whole one is
// cut off by the next writer. Everything is checked by SipHash-2-4-128 under a key made of `key` and the fingerprint:
// a segment's header and index when the file is opened, a record's bytes when it is used.
#pragma once
#include <array>

#include "core/types.h"

namespace ferry::runtime::persistent {

using Fingerprint = std::array<u8, 32>;
using Mac = std::array<u8, 16>;

constexpr u64 kFileMagic = 0x3165646f63726566;     // "fercode1"
constexpr u64 kSegmentMagic = 0x31746e656d676573;  // "segment1"

struct FileHeader {
  u64 magic = kFileMagic;
  u64 reserved = 0;
  Fingerprint fingerprint{};
  Mac mac{};  // of what stands before
};
static_assert(sizeof(FileHeader) == 64);

struct SegmentHeader {
  u64 magic = kSegmentMagic;
  u64 position = 0;  // its own, in the file
  u64 count = 0;     // of records
  u64 bytes = 0;     // of all records together, a multiple of 8
  Mac mac{};         // of what stands before and of the index
};
static_assert(sizeof(SegmentHeader) == 48);

// One record: its key and then its value, in the segment's bytes.
struct IndexEntry {
  u64 hash = 0;
  u64 offset = 0;  // in the file
  u32 key_size = 0, value_size = 0;
  Mac mac{};  // of key and value
};
static_assert(sizeof(IndexEntry) == 40);

}  // namespace ferry::runtime::persistent
