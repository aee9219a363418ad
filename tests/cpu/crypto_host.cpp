// The host's cryptographic instructions against the portable functions.
#include <random>
#include <vector>

#include "cpu/crypto.h"
#include "tests/catch.h"

namespace crypto = ferry::cpu::crypto;
using namespace ferry;

namespace {

void put(std::vector<u64>& out, U128 v) {
  out.push_back(v.lo);
  out.push_back(v.hi);
}

std::vector<u64> everything(U128 d, U128 n, U128 m) {
  std::vector<u64> r;
  put(r, crypto::aese(d, n));
  put(r, crypto::aesd(d, n));
  put(r, crypto::aesmc(n));
  put(r, crypto::aesimc(n));
  put(r, crypto::pmull64(n.lo, m.lo));
  put(r, crypto::sha1c(d, static_cast<u32>(n.lo), m));
  put(r, crypto::sha1p(d, static_cast<u32>(n.lo), m));
  put(r, crypto::sha1m(d, static_cast<u32>(n.lo), m));
  put(r, crypto::sha256h(d, n, m));
  put(r, crypto::sha256h2(d, n, m));
  put(r, crypto::sha256su0(d, n));
  put(r, crypto::sha256su1(d, n, m));
  for (const unsigned size : {1u, 2u, 4u, 8u}) r.push_back(crypto::crc32c(static_cast<u32>(d.lo), n.lo, size));
  return r;
}

}  // namespace

TEST_CASE("crypto: the host's instructions and the portable functions agree") {
  std::mt19937_64 random(1);
  const auto draw = [&] { return U128{random(), random()}; };
  for (int i = 0; i < 2000; ++i) {
    const U128 d = draw(), n = draw(), m = draw();
    crypto::set_host_instructions(false);
    const std::vector<u64> portable = everything(d, n, m);
    crypto::set_host_instructions(true);
    REQUIRE(everything(d, n, m) == portable);
  }
}
