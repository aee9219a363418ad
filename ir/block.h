// A translated guest basic block in IR: a straight line of instructions in SSA form that ends in one Exit.
#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "ir/mem.h"
#include "ir/type.h"

namespace ferry::ir {

enum class Op : u8 {
#define OP(name, signature, effect) name,
#include "ir/ops.def"
#undef OP
};
enum class Effect : u8 { Pure, Fp, Read, Write, Mem, Call, Exit };

constexpr usize kOpCount = 0
#define OP(name, signature, effect) +1
#include "ir/ops.def"
#undef OP
    ;

struct OpInfo {
  std::string_view name;
  char result;                // letter of ops.def, or '-'
  std::string_view operands;  // letters of ops.def
  Effect effect;
};
constexpr OpInfo make_op_info(std::string_view name, std::string_view signature, Effect effect) {
  return {name, signature[0], signature.substr(2), effect};
}
inline constexpr std::array<OpInfo, kOpCount> kOpInfo = {
#define OP(name, signature, effect) make_op_info(#name, signature, Effect::effect),
#include "ir/ops.def"
#undef OP
};
constexpr const OpInfo& info(Op op) { return kOpInfo[static_cast<usize>(op)]; }

// The parts that every pass asks of every instruction, in four bytes an op.
struct OpBrief {
  u8 operands;
  Effect effect;
  char result;
  u8 unused;
};
inline constexpr std::array<OpBrief, kOpCount> kOpBrief = [] {
  std::array<OpBrief, kOpCount> brief{};
  for (usize i = 0; i < kOpCount; ++i)
    brief[i] = {static_cast<u8>(kOpInfo[i].operands.size()), kOpInfo[i].effect, kOpInfo[i].result, 0};
  return brief;
}();
constexpr Effect effect_of(Op op) { return kOpBrief[static_cast<usize>(op)].effect; }

// Index of the instruction that defines a value.
using Value = u32;
constexpr Value kNoValue = ~Value{0};
using Args = std::array<Value, 4>;
constexpr Args args(Value a = kNoValue, Value b = kNoValue, Value c = kNoValue, Value d = kNoValue) {
  return {a, b, c, d};
}

struct Inst {
  Op op = Op::Const;
  Type type = Type::None;  // the T of the signature
  Type from = Type::None;  // the F of the signature
  u8 lane = 0;             // log2 lane bytes of vector ops
  u8 aux = 0;
  Args args = {kNoValue, kNoValue, kNoValue, kNoValue};
  u64 imm = 0;

  unsigned arg_count() const;  // operands present
  Type result_type() const;    // None for ops without a result
};

// Both are asked for every instruction by every pass and compiler, hence here.
inline unsigned Inst::arg_count() const {
  if (op != Op::Call) return kOpBrief[static_cast<usize>(op)].operands;
  unsigned n = 0;
  while (n < args.size() && args[n] != kNoValue) ++n;
  return n;
}
inline Type Inst::result_type() const {
  switch (kOpBrief[static_cast<usize>(op)].result) {
    case 'T': return type;
    case 'W': return Type::I32;
    case 'X': return Type::I64;
    case 'V': return Type::V128;
    default: return Type::None;
  }
}

constexpr unsigned kMaxBlockInsns = 200;  // guest instructions; an access site has eight bits for the count

struct Block {
  std::vector<Inst> insts;
  u32 page_offset = 0;  // byte offset of the first guest instruction in its 4 KiB page
  u32 insn_count = 0;   // guest instructions, 1..kMaxBlockInsns
  u32 mode = 0;         // cpu::Mode bits the block was translated for

  const Inst& exit() const { return insts.back(); }
};

}  // namespace ferry::ir
