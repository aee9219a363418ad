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
const OpInfo& info(Op op);

// Index of the instruction that defines a value.
using Value = u32;
constexpr Value kNoValue = ~Value{0};
using Args = std::array<Value, 4>;
constexpr Args args(Value a = kNoValue, Value b = kNoValue, Value c = kNoValue, Value d = kNoValue) { return {a, b, c, d}; }

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

constexpr unsigned kMaxBlockInsns = 200;  // guest instructions; an access site has eight bits for the count

struct Block {
  std::vector<Inst> insts;
  u32 page_offset = 0;  // byte offset of the first guest instruction in its 4 KiB page
  u32 insn_count = 0;   // guest instructions, 1..kMaxBlockInsns
  u32 mode = 0;         // cpu::Mode bits the block was translated for

  const Inst& exit() const { return insts.back(); }
};

}  // namespace ferry::ir
