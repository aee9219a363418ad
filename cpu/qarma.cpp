// QARMA-64 with five rounds as the Arm ARM writes it: shared/functions/pac, ComputePACQARMA5.
#include "cpu/pauth.h"

namespace ferry::cpu {
namespace {

// Sixteen cells of four bits; cell 0 is the lowest.
constexpr u64 cell(u64 v, unsigned n) { return v >> (4 * n) & 15; }

using Table = u8[16];
constexpr Table kSub = {0xb, 0x6, 0x8, 0xf, 0xc, 0x0, 0x9, 0xe, 0x3, 0x7, 0x4, 0x5, 0xd, 0x2, 0x1, 0xa};
constexpr Table kInvSub = {0x5, 0xe, 0xd, 0x8, 0xa, 0xb, 0x1, 0x9, 0x2, 0x6, 0xf, 0x0, 0x4, 0xc, 0x7, 0x3};
// Where each cell of the result comes from.
constexpr Table kShuffle = {13, 6, 11, 0, 7, 12, 1, 10, 8, 3, 14, 5, 2, 9, 4, 15};
constexpr Table kInvShuffle = {3, 6, 12, 9, 14, 11, 1, 4, 8, 13, 7, 2, 5, 0, 10, 15};
constexpr Table kTweak = {4, 5, 6, 7, 11, 2, 3, 8, 12, 13, 14, 15, 0, 1, 10, 9};
constexpr u32 kTweakRotated = 0xd894;  // cells of the result that go through TweakCellRot

constexpr u64 kRound[5] = {0, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89, 0x452821e638d01377};
constexpr u64 kAlpha = 0xc0ac29b7c97c50dd;

u64 substitute(const Table& box, u64 v) {
  u64 r = 0;
  for (unsigned n = 0; n < 16; ++n) r |= u64{box[cell(v, n)]} << (4 * n);
  return r;
}
u64 permute(const Table& from, u64 v) {
  u64 r = 0;
  for (unsigned n = 0; n < 16; ++n) r |= cell(v, from[n]) << (4 * n);
  return r;
}

// PACMult: a cell of a column is the sum of the column's three others, rotated left by 1, 2 and 1. The cells of a
// column are 16 bits apart.
u64 rotate_cells(u64 v, unsigned by) {
  const u64 staying = 0x1111111111111111 * (0xfu >> by);
  return (v & staying) << by | (v & ~staying) >> (4 - by);
}
u64 multiply(u64 v) {
  const auto rows = [](u64 x, unsigned by) { return x >> (16 * by) | x << (64 - 16 * by); };
  const u64 one = rotate_cells(v, 1), two = rotate_cells(v, 2);
  return rows(one, 1) ^ rows(two, 2) ^ rows(one, 3);
}

u64 tweak_shuffle(u64 v) {
  const u64 moved = permute(kTweak, v);
  u64 r = 0;
  for (unsigned n = 0; n < 16; ++n) {
    const u64 c = cell(moved, n);
    r |= (bit(kTweakRotated, n) ? c >> 1 | ((c ^ c >> 1) & 1) << 3 : c) << (4 * n);
  }
  return r;
}
u64 tweak_inverse_shuffle(u64 v) {
  u64 r = 0;
  for (unsigned n = 0; n < 16; ++n) {
    const u64 c = cell(v, n);
    const u64 back = bit(kTweakRotated, n) ? (c << 1 & 15) | ((c ^ c >> 3) & 1) : c;
    r |= back << (4 * kTweak[n]);
  }
  return r;
}

// Everything but the S-box is linear: a map of 64 bits is the sum of its values for each byte.
class Linear {
 public:
  template <class F>
  explicit Linear(F f) {
    for (unsigned n = 0; n < 8; ++n)
      for (u64 b = 0; b < 256; ++b) sums_[n][b] = f(b << (8 * n));
  }
  u64 operator()(u64 v) const {
    u64 r = 0;
    for (unsigned n = 0; n < 8; ++n) r ^= sums_[n][v >> (8 * n) & 255];
    return r;
  }

 private:
  u64 sums_[8][256];
};
// The S-box on a byte's two cells.
class Substitution {
 public:
  explicit Substitution(const Table& box) {
    for (unsigned b = 0; b < 256; ++b) pairs_[b] = static_cast<u8>(substitute(box, b) & 255);
  }
  u64 operator()(u64 v) const {
    u64 r = 0;
    for (unsigned n = 0; n < 8; ++n) r |= u64{pairs_[v >> (8 * n) & 255]} << (8 * n);
    return r;
  }

 private:
  u8 pairs_[256];
};

struct Layers {
  Substitution sub{kSub}, inverse_sub{kInvSub};
  Linear forward{[](u64 v) { return multiply(permute(kShuffle, v)); }};
  Linear backward{[](u64 v) { return permute(kInvShuffle, multiply(v)); }};
  Linear inverse_shuffle{[](u64 v) { return permute(kInvShuffle, v); }};
  Linear tweak{tweak_shuffle}, inverse_tweak{tweak_inverse_shuffle};
};

}  // namespace

u64 qarma5(u64 data, u64 modifier, u64 key0, u64 key1) {
  static const Layers f;
  const u64 other_key0 = key0 << 63 | key0 >> 2 << 1 | ((key0 >> 63 ^ key0 >> 1) & 1);
  u64 tweak = modifier, work = data ^ key0;
  for (unsigned i = 0; i < 5; ++i) {
    work ^= key1 ^ tweak ^ kRound[i];
    if (i > 0) work = f.forward(work);
    work = f.sub(work);
    tweak = f.tweak(tweak);
  }
  work = f.sub(f.forward(work ^ other_key0 ^ tweak));
  work = key1 ^ f.forward(work);
  work = f.inverse_sub(f.inverse_shuffle(work));
  work = f.backward(work) ^ key0 ^ tweak;
  for (unsigned i = 0; i < 5; ++i) {
    work = f.inverse_sub(work);
    if (i < 4) work = f.backward(work);
    tweak = f.inverse_tweak(tweak);
    work ^= key1 ^ tweak ^ kRound[4 - i] ^ kAlpha;
  }
  return work ^ other_key0;
}

}  // namespace ferry::cpu
