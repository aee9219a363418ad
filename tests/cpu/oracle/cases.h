// Operand streams for the comparison of cpu/ with real instructions. The guest program (guest.cpp, run by an emulator
// in its own process) and the test (tests/cpu/oracle.cpp) both include this, so no operand ever crosses the pipe, only
// results.
#pragma once
#include <cstdlib>
#include <string_view>

#include "core/types.h"

namespace ferry::oracle {

// The environment's number of that name, or `otherwise`.
inline u64 setting(const char* name, u64 otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}
// How many random cases a row gets: 1,000, or 100 times that in the full size.
inline u64 case_count() {
  const char* size = std::getenv("FERRY_SIZE");
  const bool full = size != nullptr && std::string_view(size) == "full";
  return setting("FERRY_ORACLE_COUNT", full ? 100000 : 1000);
}
inline u64 seed() { return setting("FERRY_SEED", 1); }

// What the lanes of the vector operands look like.
enum class Fill { Half, Single, Double, Int8, Int16, Int32, Int64 };

struct In {
  U128 v[4];  // v0 (the destination's old value) to v3
  u64 x[2];   // x9, x10
  u64 fpcr;
};
struct Out {
  U128 v;    // v0
  u64 x;     // x9
  u32 fpsr;  // started at 0
  u32 nzcv;  // bits 3..0, started at 0
};

constexpr u32 kFpcrRounding = 3u << 22, kFpcrFlush = 1u << 24, kFpcrDefaultNaN = 1u << 25;
constexpr u32 kFpcrHalfFlush = 1u << 19, kFpcrAlternativeHalf = 1u << 26;
constexpr u32 kNoFpcr = 0;
constexpr u32 kAllFpcr = kFpcrRounding | kFpcrFlush | kFpcrDefaultNaN | kFpcrHalfFlush | kFpcrAlternativeHalf;

class Stream {
 public:
  Stream(u64 seed, u64 row) : state_(seed * 0x9e3779b97f4a7c15 + row * 0xd1342543de82ef95 + 1) {}

  void next(Fill fill, u32 fpcr_mask, In& in) {
    for (U128& v : in.v) v = vector(fill);
    for (u64& x : in.x) x = integer(random() & 1 ? 64 : 32) | (random() & 1 ? 0 : random() << 32);
    in.fpcr = random() & random() & fpcr_mask;
    if (random() & 1) in.fpcr = random() & fpcr_mask;
    // Near operands meet cancellation and ties, which independent ones seldom do.
    if ((random() & 7) == 0) in.v[2] = near(fill, in.v[1]);
    if ((random() & 7) == 0) in.v[3] = near(fill, in.v[2]);
  }

  u64 random() {
    u64 z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  static unsigned width(Fill fill) {
    switch (fill) {
      case Fill::Int8: return 8;
      case Fill::Half:
      case Fill::Int16: return 16;
      case Fill::Single:
      case Fill::Int32: return 32;
      case Fill::Double:
      case Fill::Int64: return 64;
    }
    return 64;
  }

  U128 vector(Fill fill) {
    const unsigned esize = width(fill);
    U128 v;
    for (unsigned at = 0; at < 128; at += esize) (at < 64 ? v.lo : v.hi) |= lane(fill, esize) << (at % 64);
    return v;
  }

  U128 near(Fill fill, U128 v) {
    const unsigned esize = width(fill);
    const u64 sign = u64{1} << (esize - 1);
    const u64 change = (random() & 3) + ((random() & 1) ? sign : 0);
    return {v.lo ^ change, v.hi};
  }

  u64 lane(Fill fill, unsigned esize) {
    switch (fill) {
      case Fill::Half: return real(5, 10);
      case Fill::Single: return real(8, 23);
      case Fill::Double: return real(11, 52);
      default: return integer(esize) & low_mask(esize);
    }
  }

  u64 integer(unsigned esize) {
    const u64 r = random();
    const u64 top = u64{1} << (esize - 1);
    switch (r % 8) {
      case 0: return (r >> 8) % 3;
      case 1: return top - (r >> 8) % 3;
      case 2: return top + (r >> 8) % 3;
      case 3: return ~u64{0} - (r >> 8) % 3;
      case 4: return (r >> 8) % 140 - 70;
      case 5: return u64{1} << ((r >> 8) % esize);
      default: return random();
    }
  }

  u64 real(unsigned exp_bits, unsigned frac_bits) {
    const u64 r = random();
    const u64 all_ones = low_mask(exp_bits), bias = all_ones >> 1;
    u64 exp = 0;
    switch (r % 16) {
      case 0: exp = 0; break;
      case 1: exp = all_ones; break;
      case 2: exp = 1 + (r >> 8) % 3; break;
      case 3: exp = all_ones - 1 - (r >> 8) % 3; break;
      case 4:
      case 5: exp = bias; break;
      case 6:
      case 7: exp = bias - 3 + (r >> 8) % 7; break;
      case 8:
      case 9: exp = bias + (r >> 8) % 66; break;
      case 10: exp = bias - (r >> 8) % 66; break;
      case 11: exp = bias / 2 + (r >> 8) % 8; break;             // squares near the bottom
      case 12: exp = bias + bias / 2 - 4 + (r >> 8) % 8; break;  // and near the top
      default: exp = r >> 8; break;
    }
    u64 frac = random();
    const u64 f = random();
    switch (f % 8) {
      case 0: frac = 0; break;
      case 1: frac = (f >> 8) % 4; break;
      case 2: frac = ~u64{0} - (f >> 8) % 4; break;
      case 3: frac = u64{1} << ((f >> 8) % frac_bits); break;
      case 4: frac = ~u64{0} << ((f >> 8) % frac_bits); break;
      case 5: frac = (u64{1} << (frac_bits - 1)) + (f >> 8) % 3 - 1; break;
      default: break;
    }
    return ((random() & 1) << (exp_bits + frac_bits)) | ((exp & all_ones) << frac_bits) | (frac & low_mask(frac_bits));
  }

  u64 state_;
};

}  // namespace ferry::oracle
