// The cryptographic and checksum instructions as pure functions on register values (Arm ARM DDI 0487,
// shared/functions/crypto and the instruction descriptions of C6 and C7). Operands stand in the order d, n, m of the
// instruction; a destination that is also read comes first. The element numbering is the manual's: element 0 in bits 0
// up.
#pragma once
#include "core/types.h"

namespace ferry::cpu::crypto {

// AESE, AESD: one round without mixing columns. AESMC, AESIMC: (inverse) MixColumns.
U128 aese(U128 d, U128 n);
U128 aesd(U128 d, U128 n);
U128 aesmc(U128 n);
U128 aesimc(U128 n);

// SHA1C, SHA1P, SHA1M: four rounds; d is the hash's ABCD, n its E (32 bits of Sn), m four schedule words.
U128 sha1c(U128 d, u32 n, U128 m);
U128 sha1p(U128 d, u32 n, U128 m);
U128 sha1m(U128 d, u32 n, U128 m);
u32 sha1h(u32 n);
U128 sha1su0(U128 d, U128 n, U128 m);
U128 sha1su1(U128 d, U128 n);

U128 sha256h(U128 d, U128 n, U128 m);
U128 sha256h2(U128 d, U128 n, U128 m);
U128 sha256su0(U128 d, U128 n);
U128 sha256su1(U128 d, U128 n, U128 m);

// FEAT_SHA512
U128 sha512h(U128 d, U128 n, U128 m);
U128 sha512h2(U128 d, U128 n, U128 m);
U128 sha512su0(U128 d, U128 n);
U128 sha512su1(U128 d, U128 n, U128 m);

// FEAT_SM3. index: the element of m, 0 to 3; second_half: the B forms.
U128 sm3partw1(U128 d, U128 n, U128 m);
U128 sm3partw2(U128 d, U128 n, U128 m);
U128 sm3ss1(U128 n, U128 m, U128 a);
U128 sm3tt1(U128 d, U128 n, U128 m, unsigned index, bool second_half);
U128 sm3tt2(U128 d, U128 n, U128 m, unsigned index, bool second_half);

// FEAT_SM4: four rounds of the cipher (n: round keys) and of the key schedule (m: constants).
U128 sm4e(U128 d, U128 n);
U128 sm4ekey(U128 n, U128 m);

// PMULL, PMULL2 of 64-bit elements: the 128-bit carry-less product.
U128 pmull64(u64 n, u64 m);
// PMULL, PMULL2 of 8-bit elements: eight 16-bit carry-less products of the bytes of n and m.
U128 pmull8(u64 n, u64 m);
// PMUL of 8-bit elements: the low byte of each of sixteen carry-less products.
U128 pmul8(U128 n, U128 m);

// CRC32B/H/W/X and CRC32CB/CH/CW/CX: `size` is the number of low bytes of value taken in, 1, 2, 4 or 8.
u32 crc32(u32 acc, u64 value, unsigned size);
u32 crc32c(u32 acc, u64 value, unsigned size);

// The functions above use the host's instructions of the same purpose where it has them, unless told not to. For tests.
void set_host_instructions(bool on);

}  // namespace ferry::cpu::crypto
