// Types of IR values.
#pragma once
#include "core/types.h"

namespace ferry::ir {

// I32, I64: integers. F32, F64: one floating-point scalar (its bits; held in a host FP register where there is one).
// V128: a whole vector register; the lane size is an operand of the op, not of the type.
enum class Type : u8 { None, I32, I64, F32, F64, V128 };

constexpr bool is_int(Type t) { return t == Type::I32 || t == Type::I64; }
constexpr bool is_float(Type t) { return t == Type::F32 || t == Type::F64; }
// Width in bits; 0 for None.
constexpr unsigned width(Type t) {
  switch (t) {
    case Type::None: return 0;
    case Type::I32:
    case Type::F32: return 32;
    case Type::I64:
    case Type::F64: return 64;
    case Type::V128: return 128;
  }
  return 0;
}

}  // namespace ferry::ir
