#include "jit/baseline/compiler.h"

namespace ferry::jit::baseline {

bool Compiler::lower_fp(Value, const Inst&) { return false; }

}  // namespace ferry::jit::baseline
