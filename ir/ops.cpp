#include "core/check.h"
#include "ir/block.h"

namespace ferry::ir {
namespace {

constexpr OpInfo make_info(std::string_view name, std::string_view signature, Effect effect) {
  return {name, signature[0], signature.substr(2), effect};
}

constexpr std::array<OpInfo, kOpCount> kInfo = {
#define OP(name, signature, effect) make_info(#name, signature, Effect::effect),
#include "ir/ops.def"
#undef OP
};

}  // namespace

const OpInfo& info(Op op) { return kInfo[static_cast<usize>(op)]; }

unsigned Inst::arg_count() const {
  if (op != Op::Call) return static_cast<unsigned>(info(op).operands.size());
  unsigned n = 0;
  while (n < args.size() && args[n] != kNoValue) ++n;
  return n;
}

Type Inst::result_type() const {
  switch (info(op).result) {
    case 'T': return type;
    case 'W': return Type::I32;
    case 'X': return Type::I64;
    case 'V': return Type::V128;
    case '-': return Type::None;
    default: UNREACHABLE("unknown result letter in ops.def");
  }
}

}  // namespace ferry::ir
