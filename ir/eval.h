// The meaning of every Pure op, as plain functions of operand values: the folder, the interpreter and the tests that
// hold lowerings against it all use these. Values of 32-bit types are held zero-extended in U128::lo; scalars have hi =
// 0.
#pragma once
#include "ir/block.h"

namespace ferry::ir {

// Evaluates one Pure op (not Second) on its operands. Scalars: ir/eval.cpp; vectors: ir/eval_vector.cpp.
U128 eval_pure(const Inst& inst, const U128& a, const U128& b, const U128& c);
U128 eval_vector(const Inst& inst, const U128& a, const U128& b, const U128& c);

// Flags and values of a + b + carry at a width of 32 or 64 bits, as AddWithCarry; flags in core/nzcv.h layout.
struct SumAndFlags {
  u64 sum;
  u32 nzcv;
};
SumAndFlags add_with_carry(u64 a, u64 b, bool carry, unsigned width);

}  // namespace ferry::ir
