// The intricate integer operations of AdvSIMD as pure functions on vector values: saturation, rounding shifts,
// narrowing, doubling multiplies, table lookup, reductions (Arm ARM DDI 0487, C7; SatQ of shared/functions/vector).
//
// `Lanes` says how a value is cut up; bits above the lanes come out zero, and lanes outside never set qc. qc is OR-ed:
// it becomes true when a lane saturated (FPSR.QC) and is never cleared here.
#pragma once
#include "core/types.h"

namespace ferry::cpu::simd {

// `esize` bits an element (8, 16, 32, 64), `datasize` bits in all: 64 or 128, or esize for the scalar forms.
struct Lanes {
  u8 esize;
  u8 datasize;
  constexpr unsigned count() const { return datasize / esize; }
};
// From the size and Q fields of a vector encoding.
constexpr Lanes lanes(unsigned size, bool q) { return {static_cast<u8>(8u << size), static_cast<u8>(q ? 128 : 64)}; }
constexpr Lanes scalar_lane(unsigned size) { return {static_cast<u8>(8u << size), static_cast<u8>(8u << size)}; }

enum class Sign : u8 { Signed, Unsigned };

// --- SQADD, UQADD; SQSUB, UQSUB
U128 sat_add(U128 n, U128 m, Lanes lanes, Sign sign, bool& qc);
U128 sat_sub(U128 n, U128 m, Lanes lanes, Sign sign, bool& qc);
// SUQADD (sign Signed: signed d plus unsigned n, signed result), USQADD (sign Unsigned: unsigned d plus signed n).
U128 sat_add_mixed(U128 d, U128 n, Lanes lanes, Sign sign, bool& qc);
// SQABS, SQNEG
U128 sat_abs(U128 n, Lanes lanes, bool& qc);
U128 sat_neg(U128 n, Lanes lanes, bool& qc);

// --- halving: SHADD, UHADD, SRHADD, URHADD (rounding); SHSUB, UHSUB
U128 halving_add(U128 n, U128 m, Lanes lanes, Sign sign, bool rounding);
U128 halving_sub(U128 n, U128 m, Lanes lanes, Sign sign);

// --- shifts by a register: SSHL USHL SRSHL URSHL SQSHL UQSHL SQRSHL UQRSHL. The shift is the signed low byte of each
// element of m: left if positive, right if negative.
U128 shift_by_register(U128 n, U128 m, Lanes lanes, Sign sign, bool rounding, bool saturating, bool& qc);
// --- shifts by an immediate. Left: SQSHL, UQSHL, 0 <= shift < esize.
U128 sat_shift_left(U128 n, unsigned shift, Lanes lanes, Sign sign, bool& qc);
U128 sqshlu(U128 n, unsigned shift, Lanes lanes, bool& qc);
// Right: SSHR USHR SRSHR URSHR, 1 <= shift <= esize. SSRA and its kin add the result to d.
U128 shift_right(U128 n, unsigned shift, Lanes lanes, Sign sign, bool rounding);

// --- narrowing. `esize` is the narrow element; n holds 128 / (2 * esize) wide ones, or one (scalar). The narrow
// elements come out packed from bit 0; the frontend places them in the low or the high half of the destination.
enum class Narrow : u8 { Truncate, SignedSat, UnsignedSat, SignedToUnsignedSat };
// XTN, SQXTN, UQXTN, SQXTUN (shift 0, no rounding); SHRN RSHRN SQSHRN SQRSHRN UQSHRN UQRSHRN SQSHRUN SQRSHRUN
// (1 <= shift <= esize).
u64 narrow(U128 n, unsigned esize, unsigned shift, bool rounding, Narrow kind, bool scalar, bool& qc);
// ADDHN, RADDHN, SUBHN, RSUBHN: the high half of each sum or difference of wide elements.
u64 add_high_narrow(U128 n, U128 m, unsigned esize, bool subtract, bool rounding);

// --- doubling multiplies, esize 16 or 32
U128 sqdmulh(U128 n, U128 m, Lanes lanes, bool rounding, bool& qc);  // SQDMULH, SQRDMULH
// SQRDMLAH, SQRDMLSH (FEAT_RDM)
U128 sqrdmlah(U128 d, U128 n, U128 m, Lanes lanes, bool subtract, bool& qc);
// SQDMULL, SQDMLAL, SQDMLSL: n and m are the 64 bits of the half that the instruction reads; esize is theirs.
// Scalar forms use element 0 only.
U128 sqdmull(u64 n, u64 m, unsigned esize, bool scalar, bool& qc);
U128 sqdmlal(U128 d, u64 n, u64 m, unsigned esize, bool subtract, bool scalar, bool& qc);

// --- TBL, TBX: a table of 1 to 4 consecutive registers; indices and result have `datasize` bits (64 or 128).
// d is what TBX keeps where an index is out of range.
U128 tbl(const U128* table, unsigned registers, U128 indices, unsigned datasize);
U128 tbx(U128 d, const U128* table, unsigned registers, U128 indices, unsigned datasize);

// --- across the lanes
u64 add_across(U128 n, Lanes lanes);                  // ADDV: esize bits
u64 add_long_across(U128 n, Lanes lanes, Sign sign);  // SADDLV, UADDLV: 2 * esize bits
u64 max_across(U128 n, Lanes lanes, Sign sign);       // SMAXV, UMAXV
u64 min_across(U128 n, Lanes lanes, Sign sign);       // SMINV, UMINV

// --- polynomial multiply: see pmul8, pmull8, pmull64 in cpu/crypto.h

}  // namespace ferry::cpu::simd
