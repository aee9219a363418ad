// The form operand of the half-precision helpers (cpu/helpers_half.cpp): operation, lanes, rounding, fraction bits.
#pragma once
#include "core/types.h"

namespace ferry::cpu {

enum class HalfOp : u8 {
  Add,
  Sub,
  Mul,
  NegMul,
  Mulx,
  Div,
  Max,
  Min,
  MaxNum,
  MinNum,
  AbsDifference,
  RecipStep,
  RsqrtStep,  // two operands
  Equal,
  GreaterEqual,
  Greater,
  AbsGreaterEqual,
  AbsGreater,  // two operands; all ones or zero
  MulAdd,      // addend first
  Sqrt,
  RecipEstimate,
  RsqrtEstimate,
  Recpx,
  RoundInt,
  ToSigned,
  ToUnsigned,
  FromSigned,
  FromUnsigned,  // one operand
};
// fp::Rounding's values, then FPCR's rounding, and FPCR's with Inexact raised (FRINTX).
enum class HalfRound : u8 { TieEven, PlusInf, MinusInf, Zero, TieAway, Odd, Current, CurrentExact };

// lanes: 1, 2, 4 or 8 active halves; the others become zero. fbits 0 to 16.
constexpr u32 half_form(HalfOp op, unsigned lanes, HalfRound round = HalfRound::Current, unsigned fbits = 0) {
  return static_cast<u32>(op) | lanes << 8 | static_cast<u32>(round) << 16 | fbits << 24;
}
// Between a scalar half and a general register: 0 <= fbits <= width, width 32 or 64.
constexpr u32 half_int_form(unsigned fbits, unsigned width, bool is_unsigned, HalfRound round) {
  return fbits | width << 8 | u32{is_unsigned} << 16 | static_cast<u32>(round) << 20;
}

}  // namespace ferry::cpu
