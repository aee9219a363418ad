#include "ir/passes.h"

#include "ir/builder.h"
#include "ir/verify.h"

namespace ferry::ir {

void forward_state(Block& block, CallEffectsFn effects);
void dead(Block& block, CallEffectsFn effects);

std::array<Pass, 2> passes() { return {{{"forward_state", forward_state}, {"dead", dead}}}; }

std::string optimize(Block& block, CallEffectsFn effects, bool check) {
  for (const Pass& pass : passes()) {
    pass.run(block, effects);
    if (!check) continue;
    if (std::string e = verify(block); !e.empty()) return std::string(pass.name) + ": " + e;
  }
  return {};
}

}  // namespace ferry::ir
