// Runs an instruction case by a runner and compares.
#pragma once
#include <string>

#include "tests/insn/case.h"
#include "verify/session.h"

namespace ferry::insn {

// Runs the case with the shadow TLB empty and filled (variant.warm is not looked at); what came out differently, with
// the IR, or an empty text.
std::string run_case(const Case& c, verify::Runner& runner, verify::Variant variant);

}  // namespace ferry::insn
