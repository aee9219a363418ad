// Inside cpu's crypto only: the same functions by the host's own instructions, where it has them.
#pragma once
#include "core/types.h"

namespace ferry::cpu::crypto::host {

// What the host has and set_host_instructions() allows.
struct Available {
  bool aes = false, pmull = false, sha1 = false, sha256 = false, crc32c = false;
};
extern Available available;
Available detect();

U128 aese(U128 d, U128 n);
U128 aesd(U128 d, U128 n);
U128 aesmc(U128 n);
U128 aesimc(U128 n);
U128 pmull64(u64 n, u64 m);
U128 sha1c(U128 d, u32 n, U128 m);
U128 sha1p(U128 d, u32 n, U128 m);
U128 sha1m(U128 d, u32 n, U128 m);
U128 sha256h(U128 d, U128 n, U128 m);
U128 sha256h2(U128 d, U128 n, U128 m);
U128 sha256su0(U128 d, U128 n);
U128 sha256su1(U128 d, U128 n, U128 m);
u32 crc32c(u32 acc, u64 value, unsigned size);

}  // namespace ferry::cpu::crypto::host
