// Known answers: FIPS 197 (AES), FIPS 180-4 (SHA) and the check values of the CRC catalogue, computed the way a program
// strings these instructions together.
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "cpu/crypto.h"
#include "tests/catch.h"

namespace crypto = ferry::cpu::crypto;
using namespace ferry;

namespace {

U128 bytes(std::string_view hex) {
  U128 v;
  for (unsigned i = 0; i < 16; ++i) {
    const u64 byte = std::stoul(std::string(hex.substr(2 * i, 2)), nullptr, 16);
    (i < 8 ? v.lo : v.hi) |= byte << (i % 8 * 8);
  }
  return v;
}

U128 operator^(U128 a, U128 b) { return {a.lo ^ b.lo, a.hi ^ b.hi}; }
U128 operator+(U128 a, U128 b) {
  const auto add = [](u64 x, u64 y) { return ((x + y) & 0xffffffff) | (((x >> 32) + (y >> 32)) << 32); };
  return {add(a.lo, b.lo), add(a.hi, b.hi)};
}
U128 words(u32 a, u32 b, u32 c, u32 d) { return {a | u64{b} << 32, c | u64{d} << 32}; }
U128 splat(u32 w) { return words(w, w, w, w); }

// The one padded block of the message "abc".
constexpr u32 kAbc = 0x61626380, kAbcBits = 24;

// FIPS 197, appendix A.1: the expanded key of 2b7e1516..., and appendix B's block.
constexpr std::array<std::string_view, 11> kRoundKeys = {
    "2b7e151628aed2a6abf7158809cf4f3c", "a0fafe1788542cb123a339392a6c7605", "f2c295f27a96b9435935807a7359f67f",
    "3d80477d4716fe3e1e237e446d7a883b", "ef44a541a8525b7fb671253bdb0bad00", "d4d1c6f87c839d87caf2b8bc11f915bc",
    "6d88a37a110b3efddbf98641ca0093fd", "4e54f70e5f5fc9f384a64fb24ea6dc4f", "ead27321b58dbad2312bf5607f8d292f",
    "ac7766f319fadc2128d12941575c006e", "d014f9a8c9ee2589e13f0cc8b6630ca6"};

}  // namespace

TEST_CASE("AES-128 encrypts and decrypts FIPS 197's block") {
  const U128 plain = bytes("3243f6a8885a308d313198a2e0370734"), cipher = bytes("3925841d02dc09fbdc118597196a0b32");
  U128 state = plain;
  for (unsigned round = 0; round < 9; ++round) state = crypto::aesmc(crypto::aese(state, bytes(kRoundKeys[round])));
  state = crypto::aese(state, bytes(kRoundKeys[9])) ^ bytes(kRoundKeys[10]);
  CHECK(state == cipher);
  state = crypto::aesimc(crypto::aesd(cipher, bytes(kRoundKeys[10])));
  for (unsigned round = 9; round > 1; --round) {
    state = crypto::aesimc(crypto::aesd(state, crypto::aesimc(bytes(kRoundKeys[round]))));
  }
  state = crypto::aesd(state, crypto::aesimc(bytes(kRoundKeys[1]))) ^ bytes(kRoundKeys[0]);
  CHECK(state == plain);
}

TEST_CASE("SHA-1 of abc") {
  const U128 start = words(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  constexpr u32 kStartE = 0xc3d2e1f0;
  std::array<U128, 20> w{words(kAbc, 0, 0, 0), {}, {}, words(0, 0, 0, kAbcBits)};
  for (unsigned i = 4; i < 20; ++i) w[i] = crypto::sha1su1(crypto::sha1su0(w[i - 4], w[i - 3], w[i - 2]), w[i - 1]);
  U128 abcd = start;
  u32 e = kStartE;
  for (unsigned i = 0; i < 20; ++i) {
    constexpr u32 kConstants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    const U128 schedule = w[i] + splat(kConstants[i / 5]);
    const u32 next_e = crypto::sha1h(static_cast<u32>(abcd.lo));
    abcd = i < 5               ? crypto::sha1c(abcd, e, schedule)
           : i < 10 || i >= 15 ? crypto::sha1p(abcd, e, schedule)
                               : crypto::sha1m(abcd, e, schedule);
    e = next_e;
  }
  CHECK(abcd + start == words(0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c));
  CHECK(e + kStartE == 0x9cd0d89d);
}

TEST_CASE("SHA-256 of abc") {
  constexpr std::array<u32, 64> k = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  const U128 start0 = words(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a);
  const U128 start1 = words(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
  std::array<U128, 16> w{words(kAbc, 0, 0, 0), {}, {}, words(0, 0, 0, kAbcBits)};
  for (unsigned i = 4; i < 16; ++i) w[i] = crypto::sha256su1(crypto::sha256su0(w[i - 4], w[i - 3]), w[i - 2], w[i - 1]);
  U128 abcd = start0, efgh = start1;
  for (unsigned i = 0; i < 16; ++i) {
    const U128 schedule = w[i] + words(k[4 * i], k[4 * i + 1], k[4 * i + 2], k[4 * i + 3]);
    const U128 before = abcd;
    abcd = crypto::sha256h(abcd, efgh, schedule);
    efgh = crypto::sha256h2(efgh, before, schedule);
  }
  CHECK(abcd + start0 == words(0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223));
  CHECK(efgh + start1 == words(0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad));
}

TEST_CASE("CRC-32 and CRC-32C of 123456789, in every access size") {
  constexpr std::string_view text = "123456789";
  u32 ieee = ~u32{0}, castagnoli = ~u32{0};
  for (const char c : text) {
    ieee = crypto::crc32(ieee, static_cast<u8>(c), 1);
    castagnoli = crypto::crc32c(castagnoli, static_cast<u8>(c), 1);
  }
  CHECK(~ieee == 0xcbf43926);
  CHECK(~castagnoli == 0xe3069283);
  const u64 eight = 0x3837363534333231;  // "12345678", first character lowest
  CHECK(~crypto::crc32(crypto::crc32(~u32{0}, eight, 8), '9', 1) == 0xcbf43926);
  const u32 words_first = crypto::crc32c(crypto::crc32c(~u32{0}, eight, 4), eight >> 32, 2);
  CHECK(~crypto::crc32c(crypto::crc32c(words_first, eight >> 48, 2), '9', 1) == 0xe3069283);
}

TEST_CASE("polynomial products") {
  CHECK(crypto::pmull64(~u64{0}, ~u64{0}) == U128{0x5555555555555555, 0x5555555555555555});
  CHECK(crypto::pmull64(u64{1} << 63, 2) == U128{0, 1});
  CHECK(crypto::pmull8(0x00000000000000ff, 0x00000000000000ff) == U128{0x5555, 0});
  CHECK(crypto::pmul8({0xff03, 0}, {0xff03, 0}) == U128{0x5505, 0});
}
