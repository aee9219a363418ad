#include "ir/builder.h"

#include "ir/simplify.h"
#include "ir/verify.h"

namespace ferry::ir {

Value Builder::emit(const Inst& inst) {
#ifndef __OPTIMIZE__  // every translated instruction comes through here; optimised builds verify on demand (ir.verify)
  ASSERT(verify_inst(block_, inst).empty(), "instruction does not fit its row in ops.def");
#endif
  Inst simple = inst;
  if (const Value same = simplify(block_, simple); same != kNoValue) return same;
  block_.insts.push_back(simple);
  return static_cast<Value>(block_.insts.size() - 1);
}

}  // namespace ferry::ir
