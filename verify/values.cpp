// The values that registers and memory of a case hold.
#include <cstring>

#include "verify/generator.h"

namespace ferry::verify {
namespace {

u64 random_integer(Random& r) {
  static constexpr u64 kCorners[] = {0,
                                     1,
                                     2,
                                     3,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     ~u64{0},
                                     ~u64{0} - 1,
                                     0xffffffff80000000,
                                     0xffffffff00000000};
  switch (r.below(4)) {
    case 0:
    case 1: return kCorners[r.below(std::size(kCorners))];
    case 2: return u64{1} << r.below(64);
    default: return r.next() >> r.below(64);
  }
}

u64 random_half_vector(Random& r) {
  static constexpr u64 kDoubles[] = {0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0x7ff0000000000000,
                                     0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000000123,
                                     0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x0000000000000001,
                                     0x8000000000000000, 0x41e0000000000000, 0x41f0000000000000, 0x43e0000000000000,
                                     0xc3e0000000000000, 0x43f0000000000000, 0x01a56e1fc2f8f359, 0x7fefffffffffffff};
  static constexpr u32 kSingles[] = {0x3f800000, 0xbf800000, 0x3f000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                     0x7f800001, 0xffc00123, 0x007fffff, 0x00800000, 0x00800001, 0x00000001,
                                     0x80000000, 0x4f000000, 0xcf000000, 0x4f800000, 0x5f000000, 0x7f7fffff};
  static constexpr u16 kHalves[] = {0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x0401, 0x3c00, 0xbc00,
                                    0x7bff, 0x7c00, 0xfc00, 0x7c01, 0x7e00, 0xfe55, 0x7fff, 0xffff};
  switch (r.below(6)) {
    case 0: return kDoubles[r.below(std::size(kDoubles))];
    case 1: return kSingles[r.below(std::size(kSingles))] | u64{kSingles[r.below(std::size(kSingles))]} << 32;
    case 2: return random_integer(r);
    case 3: return (r.next() & 0x800fffffffffffff) | (0x3f0 + r.below(32)) << 52;  // doubles of like size
    case 4: {
      u64 v = 0;
      for (unsigned i = 0; i < 4; ++i) v = v << 16 | kHalves[r.below(std::size(kHalves))];
      return v;
    }
    default: {  // bytes at the ends of their ranges
      static constexpr u8 kBytes[] = {0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff};
      u64 v = 0;
      for (unsigned i = 0; i < 8; ++i) v = v << 8 | kBytes[r.below(std::size(kBytes))];
      return v;
    }
  }
}

}  // namespace

Values::Values(u64 seed) {
  Random r(seed);
  for (usize i = 0; i < kSize; ++i) {
    integers_.push_back(random_integer(r));
    halves_.push_back(random_half_vector(r));
  }
}

void Values::copy(Random& random, void* to, usize bytes) const {
  std::memcpy(to, halves_.data() + random.below(kSize - bytes / 8), bytes);
}

void Values::fill(Random& random, std::span<u8> bytes) const {
  const usize words = bytes.size() / 8;
  copy(random, bytes.data(), bytes.size());
  for (usize i = random.below(32); i < words; i += 32) {
    const u64 v = random.next();
    std::memcpy(bytes.data() + 8 * i, &v, 8);
  }
}

}  // namespace ferry::verify
